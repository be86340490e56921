import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Call, Fault } from "../fake-fleet.ts";
import { type Bench, createBench, failure, quiet } from "./bench.ts";

/** Two workers that hold version 1. */
async function installed(): Promise<Bench> {
  const bench = await createBench();
  for (const id of ["a", "b"]) bench.fleet.add(id);
  await bench.publish("one");
  await quiet();
  bench.fleet.log.length = 0;
  return bench;
}

describe("before the commit a failure leaves everything as it was", () => {
  const cases: [string, Fault, string, number][] = [
    ["fails", "fail", "engine_error", 0],
    ["rejects the weights", "reject", "weights_rejected", 0],
    ["reads other bytes than were published", "lie", "digest_mismatch", 0],
    ["does not answer", "hang", "deadline_exceeded", 1_000],
    ["cannot be reached, but lives", "unreachable", "engine_unreachable", 10_000],
  ];
  for (const [what, fault, cause, ms] of cases) {
    test(`a worker ${what}`, async () => {
      const bench = await installed();
      bench.fleet.of("b").faults.set("stage", fault);
      const timeoutMs = fault === "hang" ? 1_000 : 60_000;
      const version = await bench.publish("two", { commit: { mode: "all", timeoutMs } });
      const committed = failure(bench.publisher.committed("p", version));
      await quiet();
      await bench.clock.advance(ms);
      await quiet();
      const error = await committed;
      assert.equal(error.code, "commit_aborted");
      assert.equal(error.details["cause"], cause);
      assert.equal(bench.ledger.version("p", version).state, "aborted");
      assert.deepEqual(bench.holds(), { a: 1, b: 1 });
      assert.deepEqual(bench.phases(version), { a: "failed", b: "failed" });
      assert.ok(bench.fleet.log.includes("a:discard"));
      for (const call of ["pause", "swap", "close"]) {
        assert.ok(!bench.fleet.log.some((line) => line.endsWith(`:${call}`)), call);
      }
      bench.fleet.of("b").faults.clear();
      assert.equal(await bench.publish("three"), version + 1);
      await quiet();
      assert.deepEqual(bench.holds(), { a: 3, b: 3 });
    });
  }

  test("a worker that dies while it stages is no longer a member", async () => {
    const bench = await installed();
    bench.fleet.of("b").faults.set("stage", "hang");
    const version = await bench.publish("two");
    await quiet();
    assert.equal(bench.ledger.version("p", version).state, "transferring");
    bench.fleet.kill("b");
    await quiet();
    assert.equal(bench.ledger.version("p", version).state, "installed");
    assert.deepEqual(bench.phases(version), { a: "installed", b: "gone" });
  });

  test("an unreachable worker that turns out to be dead does not abort it either", async () => {
    const bench = await installed();
    bench.fleet.of("b").faults.set("stage", "unreachable");
    const version = await bench.publish("two");
    await quiet();
    assert.deepEqual(bench.fleet.reports, ["b:socket_lost"]);
    bench.fleet.kill("b");
    await quiet();
    assert.equal(bench.ledger.version("p", version).state, "installed");
  });

  test("with no worker at all a version commits, and late ones catch up", async () => {
    const bench = await createBench();
    const version = await bench.publish("one");
    await bench.publisher.committed("p", version);
    assert.equal(bench.ledger.version("p", version).state, "committed");
    bench.fleet.add("a");
    await quiet();
    assert.deepEqual(bench.holds(), { a: 1 });
    assert.equal(bench.ledger.version("p", version).state, "installed");
  });

  test("a caller may abort it; after the commit that is refused", async () => {
    const bench = await installed();
    bench.fleet.of("a").faults.set("stage", "hang");
    const version = await bench.publish("two");
    await quiet();
    const aborted = await bench.publisher.abort("p", version);
    assert.equal(aborted.version.state, "aborted");
    assert.deepEqual(
      await bench.publisher.abort("p", version),
      bench.publisher.progress("p", version),
    );
    assert.equal((await failure(bench.publisher.abort("p", 1))).code, "version_conflict");
    assert.equal((await failure(bench.publisher.abort("p", 9))).code, "not_found");
  });

  test("weights that fit only some of an unnamed fleet concern only these", async () => {
    const bench = await createBench();
    bench.fleet.add("a");
    bench.fleet.add("other").refuses.add("one");
    const version = await bench.publish("one");
    await quiet();
    assert.deepEqual(bench.phases(version), { a: "installed", other: "failed" });
    assert.equal(bench.ledger.version("p", version).state, "installed");
    const named = await createBench();
    named.fleet.add("a", { policies: ["p"] });
    named.fleet.add("b", { policies: ["p"] }).refuses.add("one");
    const refused = await named.publish("one");
    const error = await failure(named.publisher.committed("p", refused));
    assert.equal(error.details["cause"], "weights_rejected");
  });
});

describe("after the commit a failure concerns one worker", () => {
  const cases: [Call, Fault, number][] = [
    ["pause", "fail", 0],
    ["swap", "fail", 0],
    ["swap", "hang", 120_000],
    ["held", "lie", 0],
    ["held", "hang", 30_000],
    ["resume", "fail", 0],
  ];
  for (const [call, fault, ms] of cases) {
    test(`${call}: ${fault}, and it is poisoned until it proves the version`, async () => {
      const bench = await installed();
      bench.fleet.of("b").faults.set(call, fault);
      const version = await bench.publish("two");
      await quiet();
      await bench.clock.advance(ms);
      await quiet();
      assert.deepEqual(bench.holds(), { a: 2, b: null });
      assert.deepEqual(bench.phases(version), { a: "installed", b: "poisoned" });
      assert.equal(bench.fleet.of("b").state, "poisoned");
      assert.equal(bench.ledger.version("p", version).state, "committed");
      assert.ok(bench.fleet.log.indexOf("b:drain") > 0, "what ran there goes on elsewhere");
      bench.fleet.of("b").faults.clear();
      await bench.clock.advance(1_000);
      await quiet();
      assert.deepEqual(bench.holds(), { a: 2, b: 2 });
      assert.equal(bench.fleet.of("b").state, "ready");
      assert.equal(bench.fleet.of("b").paused, false);
      assert.ok(!bench.fleet.closed.has("b"));
      assert.equal(bench.ledger.version("p", version).state, "installed");
    });
  }

  test("a worker that is not emptied in time keeps what it has and is tried again", async () => {
    const bench = await installed();
    bench.fleet.of("b").faults.set("close", "hang");
    const version = await bench.publish("two", { onUpdate: "finish", updateGraceMs: 100 });
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 1 });
    bench.fleet.of("b").faults.clear();
    await bench.clock.advance(100 + 10_000);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2 });
    assert.deepEqual(bench.phases(version), { a: "installed", b: "installed" });
  });

  test("a worker that dies during its swap is gone; its next life catches up", async () => {
    const bench = await installed();
    bench.fleet.of("b").faults.set("swap", "hang");
    const version = await bench.publish("two");
    await quiet();
    bench.fleet.kill("b");
    await quiet();
    assert.deepEqual(bench.phases(version), { a: "installed", b: "gone" });
    assert.equal(bench.ledger.version("p", version).state, "installed");
    bench.fleet.add("b", { incarnation: "b.2" });
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2 });
  });

  test("an operator's pause outlives an update, whether it came before or meanwhile", async () => {
    const bench = await installed();
    await bench.fleet.pause("a");
    bench.fleet.turn = async (worker, call) => {
      if (worker === "b" && call === "swap") await bench.fleet.pause("b");
    };
    await bench.publish("two");
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2 });
    for (const id of ["a", "b"]) {
      const { state, paused } = bench.fleet.of(id);
      assert.deepEqual([state, paused], ["paused", true], id);
    }
  });
});
