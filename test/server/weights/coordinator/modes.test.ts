/** Commit modes on a fleet in memory: who is out of service when, and what a failure leaves behind. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Bench, createBench, failure, quiet } from "./bench.ts";

/** Four workers that hold version 1. */
async function four(): Promise<Bench> {
  const bench = await createBench();
  for (const id of ["a", "b", "c", "d"]) bench.fleet.add(id);
  await bench.publish("one");
  await quiet();
  bench.fleet.log.length = 0;
  return bench;
}

const roll = (wave: number) => ({ commit: { mode: "rolling", wave } }) as const;

describe("rolling", () => {
  test("never has more workers out of service than its wave; both versions are proven meanwhile", async () => {
    for (const wave of [1, 2]) {
      const bench = await four();
      const out = new Set<string>();
      let most = 0;
      let mixed = false;
      const { open } = bench.fleet;
      bench.fleet.open = (id) => {
        out.delete(id);
        open.call(bench.fleet, id);
      };
      bench.fleet.turn = async (id, call) => {
        if (call !== "pause") return;
        out.add(id);
        most = Math.max(most, out.size);
        const held = new Set(Object.values(bench.holds()));
        mixed ||= held.has(1) && held.has(2);
      };
      await bench.publish("two", roll(wave));
      await quiet();
      assert.deepEqual(bench.holds(), { a: 2, b: 2, c: 2, d: 2 });
      assert.equal(bench.ledger.version("p", 2).state, "installed");
      assert.equal(most, wave);
      assert.ok(mixed);
    }
  });

  test("commits once the first wave holds it, which stands still until then", async () => {
    const bench = await four();
    const seen: string[] = [];
    bench.ledger.listen((change) => {
      if (change.type === "version" && change.version.version === 2) {
        const { state } = change.version;
        const paused = bench.fleet.list().filter(({ id }) => bench.fleet.of(id).paused);
        seen.push(`${state} ${paused.map(({ id }) => id).join("")}`);
      }
      if (change.type === "holds") seen.push(`${change.worker} ${change.holds[0]?.version}`);
    });
    await bench.publish("two", roll(1));
    await quiet();
    assert.deepEqual(seen, [
      "open ",
      "transferring ",
      "staged a",
      "committed a",
      "a 2",
      "b 2",
      "c 2",
      "d 2",
      "installed ",
    ]);
  });

  for (const [fault, cause, call, wave] of [
    ["fail", "engine_error", "swap", 1],
    ["lie", "digest_mismatch", "held", 1],
    ["hang", "deadline_exceeded", "swap", 2],
    ["fail", "engine_error", "pause", 2],
  ] as const) {
    test(`a first wave of ${wave} with a ${call} in it that ${fault}s stops the roll, and heals`, async () => {
      const bench = await four();
      bench.fleet.of("a").faults.set(call, fault);
      const version = await bench.publish("two", roll(wave));
      const verdict = failure(bench.publisher.committed("p", version));
      await quiet();
      await bench.clock.advance(fault === "hang" ? 120_000 : 0);
      const { code, details } = await verdict;
      assert.deepEqual([code, details["cause"]], ["commit_aborted", cause]);
      const workers = details["workers"] as { worker: string; phase: string; reason: string }[];
      assert.deepEqual(
        workers.map(({ worker, phase }) => `${worker} ${phase}`),
        ["a poisoned", wave === 2 ? "b poisoned" : "b failed", "c failed", "d failed"],
      );
      assert.ok(workers.every(({ reason }) => reason !== null));
      await quiet();
      const untouched = wave === 2 ? ["c", "d"] : ["b", "c", "d"];
      for (const id of untouched) {
        assert.equal(bench.holds()[id], 1);
        assert.ok(!bench.fleet.log.includes(`${id}:pause`), id);
        assert.equal(bench.fleet.of(id).staged, null);
      }
      bench.fleet.of("a").faults.clear();
      await bench.clock.advance(10_000);
      await quiet();
      // What had been replaced is loaded anew with the version that still is the fleet's.
      assert.deepEqual(bench.holds(), { a: 1, b: 1, c: 1, d: 1 });
      assert.deepEqual([...bench.fleet.closed], []);
      assert.equal(await bench.publish("three", roll(wave)), version + 1);
      await quiet();
      assert.deepEqual(bench.holds(), { a: 3, b: 3, c: 3, d: 3 });
    });
  }

  test("a worker that fails in a later wave is poisoned alone", async () => {
    const bench = await four();
    bench.fleet.of("c").faults.set("swap", "fail");
    const version = await bench.publish("two", roll(1));
    await bench.publisher.committed("p", version);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2, c: null, d: 2 });
    assert.equal(bench.phases(version)["c"], "poisoned");
  });

  test("a worker that dies in its wave is no longer a member, before the commit and after it", async () => {
    const bench = await four();
    bench.fleet.of("a").faults.set("swap", "hang");
    bench.fleet.of("c").faults.set("swap", "hang");
    const version = await bench.publish("two", roll(1));
    await quiet();
    assert.equal(bench.ledger.policy("p").committedVersion, 1);
    bench.fleet.kill("a");
    await bench.publisher.committed("p", version);
    await quiet();
    bench.fleet.kill("c");
    await quiet();
    assert.deepEqual(bench.holds(), { a: null, b: 2, c: null, d: 2 });
    assert.equal(bench.ledger.version("p", version).state, "installed");
  });

  for (const call of ["pause", "swap", "held"] as const) {
    test(`a worker whose ${call} finds nobody is dead once the fleet says so, and the roll goes on`, async () => {
      const bench = await four();
      bench.fleet.of("a").faults.set(call, "unreachable");
      const version = await bench.publish("two", roll(1));
      await quiet();
      assert.deepEqual(bench.fleet.reports, ["a:socket_lost"]);
      bench.fleet.kill("a");
      await bench.publisher.committed("p", version);
      await quiet();
      assert.deepEqual(bench.holds(), { a: null, b: 2, c: 2, d: 2 });
    });
  }

  test("a late joiner gets what is committed: the old version before the commit, the new one after", async () => {
    const bench = await four();
    bench.fleet.of("a").faults.set("swap", "hang");
    await bench.publish("two", roll(1));
    await quiet();
    bench.fleet.add("e");
    await quiet();
    assert.equal(bench.holds()["e"], 1);
    bench.fleet.of("b").faults.set("swap", "hang");
    bench.fleet.kill("a");
    await quiet();
    assert.equal(bench.ledger.policy("p").committedVersion, 1, "b tries it now");
    bench.fleet.of("b").faults.clear();
    bench.fleet.kill("b");
    await quiet();
    assert.deepEqual(bench.holds(), { a: null, b: null, c: 2, d: 2, e: 2 });
  });

  test("aborted or fenced while its first wave swaps, it leaves the fleet's version the old one", async () => {
    for (const how of ["abort", "fence"] as const) {
      const bench = await four();
      bench.fleet.of("b").faults.set("held", "hang");
      const version = await bench.publish("two", roll(2));
      const verdict = failure(bench.publisher.committed("p", version));
      await quiet();
      if (how === "abort") await bench.publisher.abort("p", version);
      else await bench.ledger.openRun({ policy: "p", run: "new" });
      assert.equal((await verdict).code, how === "abort" ? "commit_aborted" : "run_fenced");
      bench.fleet.of("b").faults.clear();
      await quiet();
      assert.deepEqual(bench.phases(version), {
        a: "poisoned",
        b: "poisoned",
        c: "failed",
        d: "failed",
      });
      await bench.clock.advance(10_000);
      await quiet();
      assert.deepEqual(bench.holds(), { a: 1, b: 1, c: 1, d: 1 });
    }
  });
});

describe("a server that shuts down", () => {
  test("sees a wave through that is being replaced, and begins no other", async () => {
    const bench = await four();
    const release = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "swap" ? release.promise : Promise.resolve());
    await bench.publish("two", roll(2));
    await quiet();
    const closing = bench.publisher.close();
    await quiet();
    release.resolve();
    await closing;
    assert.deepEqual(bench.holds(), { a: 2, b: 2, c: 1, d: 1 });
    for (const id of ["a", "b", "c", "d"]) assert.equal(bench.fleet.of(id).paused, false, id);
    assert.deepEqual([...bench.fleet.closed], []);
    assert.equal(bench.clock.timers, 0);
  });

  test("gives a wave up that is only being emptied", async () => {
    const bench = await four();
    bench.fleet.of("b").faults.set("close", "hang");
    const version = await bench.publish("two", roll(2));
    await quiet();
    await bench.publisher.close();
    assert.equal(bench.ledger.version("p", version).state, "aborted");
    assert.deepEqual(bench.holds(), { a: 1, b: 1, c: 1, d: 1 });
    assert.deepEqual([...bench.fleet.closed], []);
  });
});

describe("quorum", () => {
  test("commits with those that staged; who failed catches up", async () => {
    const bench = await four();
    bench.fleet.of("d").faults.set("stage", "fail");
    const version = await bench.publish("two", { commit: { mode: "quorum", quorum: 3 } });
    await bench.publisher.committed("p", version);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2, c: 2, d: 1 });
    bench.fleet.of("d").faults.clear();
    await bench.clock.advance(10_000);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2, c: 2, d: 2 });
    assert.equal(bench.ledger.version("p", version).state, "installed");
  });

  test("that cannot be reached aborts, and says what each worker answered", async () => {
    const bench = await four();
    for (const id of ["c", "d"]) bench.fleet.of(id).faults.set("stage", "fail");
    const version = await bench.publish("two", { commit: { mode: "quorum", quorum: 3 } });
    const { code, message, details } = await failure(bench.publisher.committed("p", version));
    assert.equal(code, "commit_aborted");
    assert.match(message, /2 of a quorum of 3/);
    assert.equal((details["workers"] as unknown[]).length, 4);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 1, b: 1, c: 1, d: 1 });
  });
});

describe("latest_wins", () => {
  const latest = { commit: { mode: "latest_wins" } } as const;

  test("ends those before it that agreed to that, and jumps", async () => {
    const bench = await four();
    bench.fleet.of("d").faults.set("stage", "hang");
    const staging = await bench.publish("two", latest);
    await quiet();
    const waiting = await bench.publish("three", latest);
    const verdicts = [staging, waiting].map((v) => failure(bench.publisher.committed("p", v)));
    const kept = await bench.publish("four");
    const newest = await bench.publish("five", latest);
    for (const verdict of verdicts) {
      const { code, message } = await verdict;
      assert.equal(code, "version_conflict", "no retry may bring it back");
      assert.match(message, /latest_wins/);
    }
    bench.fleet.of("d").faults.clear();
    await bench.publisher.committed("p", newest);
    await quiet();
    assert.deepEqual(bench.holds(), { a: newest, b: newest, c: newest, d: newest });
    assert.equal(bench.ledger.version("p", kept).state, "superseded", "it had its turn");
  });

  test("does not end one whose commit has begun", async () => {
    const bench = await four();
    const release = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "swap" ? release.promise : Promise.resolve());
    const first = await bench.publish("two", latest);
    await bench.publisher.committed("p", first);
    const second = await bench.publish("three", latest);
    release.resolve();
    await bench.publisher.committed("p", second);
    await quiet();
    assert.deepEqual(bench.holds(), { a: second, b: second, c: second, d: second });
  });
});
