import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { liveClock } from "../../../server/live-clock.ts";
import { openSpool, type SpoolLimits } from "../../../server/spool/spool.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const root = mkdtempSync(join(tmpdir(), "paceline-spool-"));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const freshFolder = (): string => join(root, `deeper/${folders++}`);

const KIND = 7;
const LIMITS: SpoolLimits = { bytes: 1e6, segments: 100, segmentBytes: 1_000, waitingBytes: 1e5 };
const open = (
  folder: string,
  limits: Partial<SpoolLimits> = {},
  clock = liveClock,
  keepMs?: number,
) =>
  openSpool({
    folder,
    clock,
    limits: { ...LIMITS, ...limits },
    ...(keepMs === undefined ? {} : { keepMs }),
  });
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
const record = (n: number): string => `${n}:${"x".repeat((n * 37) % 400)}`;
const segmentsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".seg"));

test("records come back as they were, over many segments and over lives, in order", async () => {
  const folder = freshFolder();
  const first = await open(folder);
  const refs = await Promise.all(
    Array.from({ length: 40 }, (_, n) => first.spool.append(bytesOf(record(n)), n)),
  );
  assert.ok(first.spool.usage.segments > 5);
  for (const [n, ref] of refs.entries()) {
    assert.equal(String(await first.spool.read(ref)), record(n));
  }
  await assert.rejects(open(folder), { code: "store_unavailable", message: /locked: another/ });
  await first.spool.sync();
  await first.spool.close();

  const second = await open(folder);
  assert.deepEqual(
    second.found.records,
    refs.map((ref, kind) => ({ ref, kind })),
  );
  assert.deepEqual(second.found.damages, []);
  const added = await second.spool.append(bytesOf("more"), KIND);
  assert.ok(added.segment > (refs.at(-1)?.segment ?? 0), "never into a segment of an earlier life");
  for (const [n, { ref }] of second.found.records.entries()) {
    assert.equal(String(await second.spool.read(ref)), record(n));
  }
  await second.spool.close();
});

test("a segment goes with the last of its records, and its reference is expired", async () => {
  const folder = freshFolder();
  const { spool } = await open(folder);
  const refs = [];
  for (let n = 0; n < 12; n++) refs.push(await spool.append(bytesOf("y".repeat(300)), KIND));
  assert.deepEqual([...new Set(refs.map(({ segment }) => segment))], [1, 2, 3, 4]);
  for (const ref of refs.slice(0, 5)) spool.release(ref);
  await spool.sync();
  assert.equal(segmentsIn(folder).length, 3, "the second still holds a wanted record");
  const [gone] = refs;
  assert.ok(gone);
  await assert.rejects(spool.read(gone), { code: "expired" });
  for (const ref of refs.slice(5)) spool.release(ref);
  await spool.sync();
  assert.deepEqual(segmentsIn(folder), ["0000000004.seg"], "the one that is written to stays");
  await spool.close();
});

test("beyond its bytes it takes nothing, and says so; room that is released is used again", async () => {
  const { spool } = await open(freshFolder(), { bytes: 3_000 });
  const refs = await Promise.all(
    [1, 2, 3, 4].map(() => spool.append(bytesOf("z".repeat(600)), KIND)),
  );
  const more = () => spool.append(bytesOf("z".repeat(600)), KIND);
  await assert.rejects(more(), {
    code: "spool_full",
    details: { bytes: 2_528, segments: 4, limit: 3_000 },
  });
  for (const ref of refs.slice(0, 2)) spool.release(ref);
  await more();
  await spool.close();
});

test("where it is full, what is older than its keep goes first", async () => {
  const clock = new VirtualClock();
  const { spool } = await open(freshFolder(), { segments: 2 }, clock, 1_000);
  const append = () => spool.append(bytesOf("w".repeat(900)), KIND);
  const old = await append();
  await append();
  await append();
  await assert.rejects(append(), { code: "spool_full" });
  await clock.advance(1_000);
  const fresh = await append();
  await assert.rejects(spool.read(old), { code: "expired" });
  assert.equal((await spool.read(fresh)).length, 900);
  await spool.close();
});

test("bytes that rotted are never handed out", async () => {
  const folder = freshFolder();
  const { spool } = await open(folder);
  const ref = await spool.append(bytesOf("what was written"), KIND);
  const file = openSync(join(folder, "0000000001.seg"), "r+");
  writeSync(file, Buffer.from("!"), 0, 1, ref.offset + 20);
  closeSync(file);
  await assert.rejects(spool.read(ref), {
    code: "store_unavailable",
    details: { segment: 1, offset: ref.offset, length: ref.length },
  });
  await spool.close();
});

test("whoever appends faster than the disk is told to wait", async () => {
  const { spool } = await open(freshFolder(), { waitingBytes: 2_000 });
  const appended = [1, 2, 3].map(() => spool.append(bytesOf("v".repeat(900)), KIND));
  const backlog = spool.backlog();
  assert.ok(backlog !== null);
  await backlog;
  await Promise.all(appended);
  assert.equal(spool.backlog(), null);
  const [again] = appended;
  assert.equal(spool.buffer(900).length, 900, "a buffer that came back");
  assert.ok(again);
  await spool.close();
});

test("what was acknowledged survives kill -9 amid a write", async () => {
  const folder = freshFolder();
  const script = `
    const { openSpool } = await import(${JSON.stringify(new URL("../../../server/spool/spool.ts", import.meta.url))});
    const { liveClock } = await import(${JSON.stringify(new URL("../../../server/live-clock.ts", import.meta.url))});
    const limits = { bytes: 1e9, segments: 1e4, segmentBytes: 1e6, waitingBytes: 1e9 };
    const { spool } = await openSpool({ folder: ${JSON.stringify(folder)}, clock: liveClock, limits });
    setInterval(() => {}, 1000);
    for (let n = 0; ; n++) {
      const ref = spool.append(new Uint8Array(200_000).fill(n), n);
      // Every fourth is waited for, so that the kill finds writes under way.
      if (n % 4 === 3) process.stdout.write(JSON.stringify(await ref) + "\\n");
    }`;
  const path = join(root, "writer.mjs");
  writeFileSync(path, script);
  const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  child.stdout.on("data", (chunk) => {
    told += chunk;
    if (told.split("\n").length > 8) child.kill("SIGKILL");
  });
  await once(child, "close");
  const acknowledged = told
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  assert.ok(acknowledged.length >= 8);
  const { spool, found } = await open(folder, { bytes: 1e9, segments: 1e4 });
  assert.ok(found.damages.every(({ what }) => what === "torn"));
  for (const [i, ref] of acknowledged.entries()) {
    const bytes = await spool.read(ref);
    assert.ok(bytes.every((byte) => byte === (4 * i + 3) % 256));
  }
  assert.deepEqual(
    found.records.map(({ kind }) => kind),
    [...found.records.keys()],
  );
  await spool.close();
});
