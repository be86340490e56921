import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LIMITS } from "../../../../server/limits.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import { openSqliteStore } from "../../../../server/store/sqlite-store.ts";
import { createBench, failure, quiet } from "./bench.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-weights-"));
after(() => rmSync(folder, { recursive: true }));

test("a late worker and a new incarnation are proven before they serve", async () => {
  const bench = await createBench();
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  bench.fleet.add("late");
  bench.fleet.kill("a");
  assert.deepEqual(bench.ledger.holds("a", "a.1"), [], "the dead hold nothing");
  bench.fleet.add("a", { incarnation: "a.2" });
  assert.deepEqual(bench.holds(), { a: null, late: null });
  await quiet();
  assert.deepEqual(bench.holds(), { a: 1, late: 1 });
  assert.deepEqual(bench.phases(1), { a: "installed", late: "installed" });
});

test("a worker that holds the version already is believed by its digest alone", async () => {
  const bench = await createBench();
  await bench.publisher.committed("p", await bench.publish("one"));
  const right = bench.fleet.add("right");
  await quiet();
  for (const [id, held] of [
    ["again", { policy: "p", version: 1, digest: "one", load: 4 }],
    ["wrong", { policy: "p", version: 1, digest: "two", load: 4 }],
    ["named", { policy: "p", version: 7, digest: "one", load: 4 }],
  ] as const) {
    bench.fleet.kill("right");
    bench.fleet.workers.delete(id);
    bench.fleet.log.length = 0;
    const worker = bench.fleet.add(id);
    // Before its engine is asked: the first call of a catch-up is `held`.
    worker.held = held;
    await quiet();
    assert.equal(bench.fleet.log.includes(`${id}:swap`), id !== "again", id);
    assert.equal(bench.ledger.holds(id, `${id}.1`)[0]?.load, id === "again" ? 4 : 1);
  }
  assert.equal(right.state, "lost");
});

test("a source that changed on disk is not taken for the version", async () => {
  const bench = await createBench();
  await bench.publisher.committed("p", await bench.publish("one"));
  bench.fleet.files.set("one", "altered");
  bench.fleet.add("a");
  await quiet();
  assert.deepEqual(bench.holds(), { a: null });
  assert.match(bench.reason(1, "a") ?? "", /digest_mismatch: it read altered/);
  assert.equal(bench.ledger.version("p", 1).state, "committed");
  const stages = () => bench.fleet.log.filter((line) => line === "a:stage").length;
  bench.fleet.tell(bench.fleet.of("a"));
  await bench.clock.advance(600_000);
  assert.equal(stages(), 1, "nothing would be different yet");
  bench.fleet.kill("a");
  bench.fleet.add("a", { incarnation: "a.2" });
  await quiet();
  assert.equal(stages(), 2);
  await bench.publish("two");
  await quiet();
  assert.deepEqual(bench.holds(), { a: 2 });
});

test("a failure that may pass is tried again with back-off, a bounded number of times", async () => {
  const bench = await createBench();
  await bench.publisher.committed("p", await bench.publish("one"));
  bench.fleet.add("a").faults.set("swap", "fail");
  await quiet();
  const swaps = () => bench.fleet.log.filter((line) => line === "a:swap").length;
  const at: number[] = [];
  for (let second = 0; second < 300; second++) {
    const before = swaps();
    await bench.clock.advance(1_000);
    await quiet();
    if (swaps() > before) at.push(second + 1);
  }
  assert.deepEqual(at, [1, 3, 7, 15, 31, 63, 123]);
  assert.equal(swaps(), LIMITS.catchUpAttempts);
  assert.equal(bench.fleet.of("a").state, "poisoned");
  bench.fleet.of("a").faults.clear();
  bench.fleet.kill("a");
  bench.fleet.add("a", { incarnation: "a.2" });
  await quiet();
  assert.deepEqual(bench.holds(), { a: 1 });
});

test("a worker that joins during a publication ends at the version that was committed meanwhile", async () => {
  const bench = await createBench();
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  const proofs: number[] = [];
  bench.ledger.listen((change) => {
    if (change.type !== "holds" || change.worker !== "late") return;
    for (const { version } of change.holds) proofs.push(version);
  });
  const held: (() => void)[] = [];
  bench.fleet.turn = (worker, call) =>
    worker === "late" && call === "swap"
      ? new Promise((resolve) => void held.push(resolve))
      : Promise.resolve();
  bench.fleet.add("late");
  await quiet();
  assert.equal(held.length, 1, "it is swapping version 1");
  const version = await bench.publish("two");
  await bench.publisher.committed("p", version);
  await quiet();
  for (let i = 0; i < 2; i++) {
    held.shift()?.();
    await quiet();
    await bench.clock.advance(1_000);
    await quiet();
  }
  held.shift()?.();
  await quiet();
  assert.deepEqual(bench.holds(), { a: 2, late: 2 });
  assert.deepEqual(proofs, [2], "it never served what was superseded before it was proven");
});

test("tokens of an unproven version void a worker's proofs until it is loaded anew", async () => {
  const bench = await createBench();
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  bench.fleet.log.length = 0;
  bench.fleet.mark("a", "a.1", "poisoned", "misversioned");
  await quiet();
  assert.deepEqual(bench.holds(), { a: null });
  assert.ok(bench.fleet.log.includes("a:drain"));
  await bench.clock.advance(1_000);
  await quiet();
  assert.deepEqual(bench.holds(), { a: 1 });
  assert.ok(bench.fleet.log.includes("a:swap"), "what it says that it holds was not enough");
});

test("a worker that is poisoned again and again is left alone in the end", async () => {
  const bench = await createBench();
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  const swaps = () => bench.fleet.log.filter((line) => line === "a:swap").length;
  bench.fleet.listen((change) => {
    if (change.type !== "worker" || change.worker.state !== "ready") return;
    setImmediate(() => bench.fleet.mark("a", "a.1", "poisoned", "misversioned"));
  });
  bench.fleet.mark("a", "a.1", "poisoned", "misversioned");
  for (let i = 0; i < 1_000; i++) {
    await bench.clock.advance(10_000);
    await quiet();
  }
  assert.equal(swaps(), 1 + LIMITS.catchUpAttempts);
  assert.deepEqual(bench.holds(), { a: null });
});

test("a swap that fails while catching up voids what the worker proved before", async () => {
  const bench = await createBench();
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  const { faults } = bench.fleet.of("a");
  faults.set("close", "fail").set("swap", "fail");
  await bench.publish("two");
  await quiet();
  assert.deepEqual(bench.holds(), { a: 1 }, "untouched");
  faults.delete("close");
  await bench.clock.advance(1_000);
  await quiet();
  assert.deepEqual(bench.holds(), { a: null });
  assert.equal(bench.fleet.of("a").state, "poisoned");
});

test("a worker that is registered for another policy no longer proves the first", async () => {
  const bench = await createBench();
  await bench.ledger.declare({ policy: "q" });
  bench.fleet.add("a");
  await bench.publish("one");
  await quiet();
  await bench.publisher.committed("q", await bench.publish("q-one", { policy: "q" }));
  assert.deepEqual(bench.holds(), { a: 1 });
  const worker = bench.fleet.of("a");
  Object.assign(worker, { policies: ["q"] });
  bench.fleet.tell(worker);
  await quiet();
  assert.deepEqual([bench.holds("p"), bench.holds("q")], [{ a: null }, { a: 1 }]);
});

test("a worker carries one policy: its registration's, its last, or the first that fits", async () => {
  const bench = await createBench();
  await bench.ledger.declare({ policy: "q" });
  bench.fleet.add("p1");
  await bench.publish("one");
  await quiet();
  bench.fleet.add("q1", { policies: ["q"] });
  await bench.publish("q-one", { policy: "q" });
  await quiet();
  assert.deepEqual(bench.holds("p"), { p1: 1, q1: null });
  assert.deepEqual(bench.holds("q"), { p1: null, q1: 1 });
  bench.fleet.add("any").refuses.add("one");
  await quiet();
  assert.deepEqual(bench.holds("q"), { p1: null, q1: 1, any: 1 });
  bench.fleet.kill("any");
  bench.fleet.add("any", { incarnation: "any.2" });
  await quiet();
  assert.deepEqual(bench.holds("q"), { p1: null, q1: 1, any: 1 });
  assert.deepEqual(bench.holds("p"), { p1: 1, q1: null, any: null });
});

test("after a restart the fleet is brought to what was committed, whatever was under way", async () => {
  const file = join(folder, "state.sqlite");
  const store = await openSqliteStore(file, { clock: liveClock });
  const before = await createBench(store);
  before.fleet.add("a");
  const first = await before.publish("one");
  await before.publisher.committed("p", first);
  before.fleet.of("a").faults.set("stage", "hang");
  const second = await before.publish("two");
  while (before.ledger.version("p", second).state !== "transferring") await quiet();
  // The server dies here: nothing is told to anybody.
  await store.close();

  const again = await openSqliteStore(file, { clock: liveClock });
  const bench = await createBench(again);
  bench.fleet.files.set("one", "one");
  assert.equal(bench.ledger.version("p", second).state, "aborted");
  assert.equal((await failure(bench.publisher.committed("p", second))).code, "commit_aborted");
  await bench.publisher.committed("p", first);
  bench.fleet.add("a");
  while (bench.holds()["a"] === null) await quiet();
  assert.deepEqual(bench.holds(), { a: first });
  assert.equal(await bench.publish("three"), second + 1, "numbers are never used twice");
  await bench.publisher.close();
  await again.close();
});
