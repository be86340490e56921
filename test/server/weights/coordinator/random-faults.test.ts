import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommitOptions } from "../../../../server/weights/publisher.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";
import type { Call, Fault } from "../fake-fleet.ts";
import { createBench, quiet } from "./bench.ts";

const CALLS: readonly Call[] = ["stage", "swap", "held", "pause", "resume", "discard", "close"];
const MODES: readonly CommitOptions[] = [
  { mode: "all" },
  { mode: "rolling", wave: 1 },
  { mode: "rolling", wave: 2 },
  { mode: "quorum", quorum: 2 },
  { mode: "latest_wins" },
];
const FAULTS: readonly Fault[] = ["hang", "fail", "reject", "unreachable", "lie"];

test("random fleets under random faults: proofs are true, and all is well when the faults end", async () => {
  const random = seededRandom(testSeed("coordinator"));
  const pick = <T>(items: readonly T[]): T => items[random.u32() % items.length] as T;
  for (let life = 0; life < 15; life++) {
    const bench = await createBench();
    const ids = ["a", "b", "c"];
    for (const id of ids) bench.fleet.add(id);
    const incarnations = new Map(ids.map((id) => [id, 1]));
    bench.ledger.listen(() => {
      const current = bench.ledger
        .versions("p")
        .filter(({ state }) => state === "committed" || state === "installed");
      assert.ok(current.length <= 1, "two versions are the fleet's at once");
      for (const { id, description } of bench.fleet.list()) {
        const [held] = bench.ledger.holds(id, description.incarnation);
        if (held === undefined) continue;
        const truth = bench.fleet.of(id).held;
        const true_ = held.version === truth?.version && held.digest === truth.digest;
        // Between the swap and the proof it holds more than it proved, and stands still.
        assert.ok(
          true_ || bench.fleet.of(id).paused,
          `${id} serves ${truth?.version} as ${held.version}`,
        );
        if (true_) assert.equal(bench.ledger.version("p", held.version).digest, truth.digest);
      }
    });
    let published = 0;
    let run: { runEpoch?: number } = {};
    for (let step = 0; step < 40; step++) {
      const id = pick(ids);
      const luck = random.next();
      if (luck < 0.3) {
        published++;
        const publishing = bench.publish(`d${published}`, {
          ...run,
          commit: { ...pick(MODES), timeoutMs: 5_000 },
        });
        await publishing.catch((error) => assert.equal(error.code, "overloaded"));
      } else if (luck < 0.33) {
        const { epoch } = await bench.ledger.openRun({ policy: "p", run: `r${step}` });
        run = { runEpoch: epoch };
      } else if (luck < 0.5) bench.fleet.of(id).faults.set(pick(CALLS), pick(FAULTS));
      else if (luck < 0.6) bench.fleet.of(id).faults.clear();
      else if (luck < 0.7) bench.fleet.kill(id);
      else if (luck < 0.8) {
        const next = (incarnations.get(id) ?? 0) + 1;
        incarnations.set(id, next);
        bench.fleet.kill(id);
        bench.fleet.add(id, { incarnation: `${id}.${next}` });
      } else await bench.clock.advance(pick([1, 500, 5_000, 60_000]));
      if (random.next() < 0.7) await quiet();
    }
    for (const id of ids) {
      bench.fleet.kill(id);
      bench.fleet.add(id, { incarnation: `${id}.end` });
    }
    await bench.clock.advance(1_000_000);
    await quiet();
    const last = await bench.publish("last", run);
    await quiet();
    await bench.publisher.committed("p", last);
    await bench.clock.advance(1_000_000);
    await quiet();
    assert.deepEqual(bench.holds(), { a: last, b: last, c: last });
    assert.equal(bench.ledger.version("p", last).state, "installed");
    for (const id of ids) assert.equal(bench.fleet.of(id).paused, false);
    assert.deepEqual([...bench.fleet.closed], []);
    await bench.publisher.close();
    assert.equal(bench.clock.timers, 0);
  }
});
