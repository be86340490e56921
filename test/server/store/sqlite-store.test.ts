import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { liveClock } from "../../../server/live-clock.ts";
import { openSqliteFile, unavailable } from "../../../server/store/sqlite-file.ts";
import { openSqliteStore } from "../../../server/store/sqlite-store.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-sqlite-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const freshFile = (): string => join(folder, `deeper/${files++}`, "state.sqlite");
const open = (file: string) => openSqliteStore(file, { clock: liveClock });
const refused = (file: string, message: RegExp) =>
  assert.rejects(open(file), { code: "store_unavailable", message, details: { file } });

test("rows and revisions outlive the store; a second one on the file is refused meanwhile", async () => {
  const file = freshFile();
  const first = await open(file);
  await first.commit([{ table: "t", key: "a", value: 1 }]);
  await first.commit([{ table: "t", key: "a", value: 2 }]);
  await refused(file, /locked: another server/);
  await first.close();
  const second = await open(file);
  assert.deepEqual(await second.read("t", "a"), { key: "a", value: 2, revision: 2 });
  await second.close();
});

test("what was committed survives kill -9, and the lock dies with the process", async () => {
  const file = freshFile();
  const script = `
    const { openSqliteStore } = await import(${JSON.stringify(new URL("../../../server/store/sqlite-store.ts", import.meta.url))});
    const { liveClock } = await import(${JSON.stringify(new URL("../../../server/live-clock.ts", import.meta.url))});
    const store = await openSqliteStore(${JSON.stringify(file)}, { clock: liveClock, synchronous: "normal" });
    setInterval(() => {}, 1000);
    for (let n = 1; ; n++) {
      await store.commit([{ table: "t", key: "n", value: n }]);
      process.stdout.write(n + "\\n");
    }`;
  const path = join(folder, "writer.mjs");
  writeFileSync(path, script);
  const child = spawn(process.execPath, [path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  child.stdout.on("data", (chunk) => {
    told += chunk;
    if (told.split("\n").length > 20) child.kill("SIGKILL");
  });
  await once(child, "close");
  const acknowledged = Number(told.trimEnd().split("\n").at(-1));
  assert.ok(acknowledged >= 20);
  const store = await open(file);
  const row = await store.read<number>("t", "n");
  assert.ok(row !== null && row.value >= acknowledged, `${row?.value} of ${acknowledged}`);
  await store.close();
});

test("files that are not ours, newer, or damaged are refused in words", async () => {
  const junk = freshFile();
  await (await open(junk)).close();
  writeFileSync(junk, "not a database, but long enough to be taken for a header of one".repeat(99));
  await refused(junk, /not a SQLite database/);

  const foreign = join(folder, "foreign.sqlite");
  const theirs = new DatabaseSync(foreign);
  theirs.exec("CREATE TABLE theirs (a)");
  theirs.close();
  await refused(foreign, /another program's database/);

  const newer = freshFile();
  await (await open(newer)).close();
  const db = new DatabaseSync(newer);
  db.exec("PRAGMA user_version = 99");
  db.close();
  await refused(newer, /newer release \(schema 99/);

  const damaged = freshFile();
  const store = await open(damaged);
  const value = "x".repeat(10_000);
  for (let i = 0; i < 20; i++) await store.commit([{ table: "t", key: `k${i}`, value }]);
  await store.close();
  const bytes = readFileSync(damaged);
  bytes.fill(0xff, 4096, bytes.length - 4096);
  writeFileSync(damaged, bytes);
  await refused(damaged, /corrupt/);

  await refused("/dev/null/state.sqlite", /ENOTDIR|EEXIST|cannot be opened/);
});

test("a file that may not be written is refused", {
  skip: process.getuid?.() === 0 && "root may write anything",
}, async () => {
  const file = freshFile();
  await (await open(file)).close();
  chmodSync(file, 0o400);
  await refused(file, /read-only|cannot be opened/);
});

test("SQLite's result codes are told in words, extended ones by their low byte", () => {
  const told = (errcode: number) =>
    unavailable("f", Object.assign(new Error("sqlite says"), { errcode })).message;
  assert.match(told(8), /^store f is read-only \(sqlite says\)$/);
  assert.match(told(0x0208), /read-only/);
  assert.match(told(13), /disk is full/);
  assert.equal(told(999), "store f: sqlite says");
});

test("a thread that does not answer in time fails the store for good", async () => {
  const clock = new VirtualClock();
  const store = await openSqliteStore(freshFile(), { clock, answerMs: 1_000 });
  const pending = store.commit([{ table: "t", key: "a", value: 1 }]);
  // Its reply can only be seen once this turn is over; the deadline passes before.
  const late = clock.advance(1_000);
  await assert.rejects(pending, {
    code: "store_unavailable",
    message: /may or may not be written/,
  });
  await late;
  await assert.rejects(store.commit([]), { code: "store_unavailable" });
  assert.equal(clock.timers, 0);
});

test("commits of one group share a transaction but not their fate; a failed write takes all back", () => {
  const tables = openSqliteFile({ file: freshFile(), synchronous: "full" });
  const put = (key: string, json: string, ifRevision = 0) => [
    { table: "t", key, json, ifRevision },
  ];
  const [a, b, c] = tables.commit([put("a", "1"), put("a", "2"), put("c", "3")]);
  assert.deepEqual([a, b?.code, c], [null, "conflict", null]);
  // A lone key of the wrong type stands for a disk that fails halfway through the group.
  const broken = [{ table: "t", key: "e", json: { toString: "no" } as never }];
  assert.throws(() => tables.commit([put("d", "4"), broken]));
  assert.deepEqual(
    tables.list("t").map(({ key, value }) => [key, value]),
    [
      ["a", 1],
      ["c", 3],
    ],
  );
  tables.close();
});
