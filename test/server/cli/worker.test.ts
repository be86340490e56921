/** `paceline worker` beside an SGLang engine that asks for keys. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startFakeSglang } from "../../fakes/sglang/fake-sglang.ts";
import { startLiveServer } from "../../support/live-server.ts";

const MAIN = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));

test("it registers what it adopts with the keys of its files", async () => {
  const fake = await startFakeSglang({ apiKey: "key-1", adminApiKey: "key-2" });
  const server = await startLiveServer({ engine: "none" });
  const folder = mkdtempSync(join(tmpdir(), "paceline-"));
  const files = ["key-1", "key-2"].map((key) => {
    writeFileSync(join(folder, key), `${key}\n`);
    return join(folder, key);
  });
  const [api = "", admin = ""] = files;
  const args = ["worker", "--engine", "sglang", "--adopt", fake.url, "--server", server.http];
  const keys = ["--api-key-file", api, "--admin-api-key-file", admin];
  const child = spawn(process.execPath, [MAIN, ...args, ...keys, "--id", "adopted"]);
  const said: Buffer[] = [];
  child.stderr.on("data", (part: Buffer) => said.push(part));
  try {
    await Promise.race([
      server.until((event) => event["worker"] === "adopted"),
      once(child, "exit").then(() => assert.fail(Buffer.concat(said).toString())),
    ]);
    const { status, body } = await server.call("GET", "/v1/workers/adopted");
    assert.equal(status, 200);
    assert.doesNotMatch(JSON.stringify(body) + Buffer.concat(said).toString(), /key-[12]\b/);
  } finally {
    child.kill();
    await server.stop();
    await fake.close();
  }
});
