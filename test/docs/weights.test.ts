/** The page's example runs as it stands, by a shell, against a server with embedded workers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startLiveServer, workersReady } from "../support/live-server.ts";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/weights.md"), "utf8");
const example = /```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

test("the whole cycle by curl", { timeout: 60_000 }, async () => {
  const server = await startLiveServer({ workers: 2 });
  try {
    await workersReady(server, 2);
    const shell = spawn("bash", ["-e", "-c", example], {
      cwd: ROOT,
      env: { ...process.env, PACELINE: server.http },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(shell, "exit");
    let said = "";
    for await (const part of shell.stdout.setEncoding("utf8") as AsyncIterable<string>)
      said += part;
    assert.deepEqual((await exited)[0], 0, said);
    assert.match(
      said,
      /^installed on 2 workers\n\[\{"version":2,"label":\{"run":"mine","step":2\}/,
    );
  } finally {
    await server.stop();
  }
});
