import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pino } from "pino";
import { openServerSpool, spoolFolder } from "../../../server/assembly/spool.ts";
import { resolveConfig } from "../../../server/config.ts";
import { liveClock } from "../../../server/live-clock.ts";

const root = mkdtempSync(join(tmpdir(), "paceline-server-spool-"));
after(() => rmSync(root, { recursive: true }));
const log = pino({ level: "silent" });
const open = (flags: Readonly<Record<string, unknown>>) =>
  openServerSpool(resolveConfig({ store: "memory", ...flags }, {}, null), liveClock, log);

test("it lies where it is told, else beside the store, else nowhere", () => {
  for (const [flags, folder] of [
    [{}, ".paceline/state.spool"],
    [{ store: "a/b.sqlite" }, "a/b.spool"],
    [{ store: "memory" }, null],
    [{ store: "memory", spool: "bulk" }, "bulk"],
    [{ store: "a/b.sqlite", spool: "none" }, null],
  ] as const) {
    assert.equal(spoolFolder(resolveConfig(flags, {}, null)), folder);
  }
});

test("what an earlier life left there is gone: nobody can name it any more", async () => {
  const flags = { spool: join(root, "kept") };
  const first = await open(flags);
  await first?.append(new Uint8Array(1_000), 1);
  await first?.close();
  const second = await open(flags);
  assert.deepEqual(second?.usage, { bytes: 0, segments: 0 });
  await second.close();
});

test("a small one that is filled and let go of takes as much again", async () => {
  const spool = await open({ spool: join(root, "small"), spool_bytes: 8 * 1024 ** 2 });
  for (let round = 0; round < 30; round++) {
    const ref = await spool?.append(new Uint8Array(700_000), 1);
    if (ref !== undefined) spool?.release(ref);
  }
  await spool?.close();
});

test("a folder that cannot be written, or that another server uses, refuses the start", async () => {
  const file = join(root, "a-file");
  writeFileSync(file, "");
  await assert.rejects(open({ spool: join(file, "spool") }), {
    code: "store_unavailable",
    message: /^spool .*a-file/,
  });
  const used = { spool: join(root, "used") };
  const first = await open(used);
  await assert.rejects(open(used), {
    code: "store_unavailable",
    message: /another server uses it/,
  });
  await first?.close();
});
