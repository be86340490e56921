import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { Workload } from "../../../server/simulator/workload.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { assertConserved } from "./conserved.ts";
import { crowded, rollout, worker, workload } from "./workloads.ts";

const TRAINER = { batchGroups: 4, stepSeconds: 2, pauseSeconds: 0.5 };
const trained = (given: Workload): Workload => ({ ...given, trainer: TRAINER });

for (const onUpdate of ["keep", "reprefill", "finish"] as const) {
  test(`a trainer beside the fleet, ${onUpdate}: all tokens once, each lag counted`, () => {
    const seed = testSeed(`updates ${onUpdate}`);
    for (let i = 0; i < 8; i++) {
      const given = trained(crowded(seed + i));
      const staleness = i % 3;
      const wave = i % 2 === 0 ? 1 : 3;
      const updates = { onUpdate, wave, graceSeconds: 1 };
      const faults = [{ kind: "kill", worker: "w1", atSeconds: 4, forSeconds: 6 } as const];
      const run = simulate(given, { seed: seed + i, staleness, updates, faults });
      assertConserved(run, given);
      const { trainer } = run;
      assert.ok(trainer);
      const steps = trainer.stepEnds.length;
      assert.ok(steps >= 4, `${steps}`);
      const taken = trainer.lags.reduce((sum, count) => sum + count, 0);
      assert.equal(taken, steps * TRAINER.batchGroups * 4);
      assert.equal(trainer.late, 0, `η ${staleness}: ${trainer.lags}`);
      if (run.lost === 0) assert.equal(run.wastedTokens, 0);
      const ends = run.rollouts.flatMap(({ segments }) => segments.map(({ ended }) => ended));
      assert.ok(onUpdate === "reprefill" || !ends.includes("revoked") || run.lost > 0);
    }
  });
}

test("by hand: an update holds its worker for the pause, and keeps what runs there", () => {
  const given: Workload = {
    ...workload([rollout("a"), rollout("b", { outputTokens: 1_000 })]),
    trainer: { batchGroups: 1, stepSeconds: 1, pauseSeconds: 2 },
  };
  const run = simulate(given, { staleness: 5 });
  assertConserved(run, given);
  assert.equal(run.trainer?.stepEnds.length, 2);
  assert.equal(run.rollouts[1]?.segments.length, 1);
  // Prefill of 200, ten steps of two, 990 of one; paused in the midst of a step, which is made again.
  const seconds = 0.02 + 10 * 0.012 + 990 * 0.011 + 2;
  assert.ok(Math.abs(run.makespanSeconds - seconds) < 0.0121, `${run.makespanSeconds} ${seconds}`);
});

test("by hand: one that takes long is overtaken until it would be too old, and then waited for", () => {
  const given: Workload = {
    ...workload([
      rollout("long", { outputTokens: 1_000 }),
      ...["a", "b", "c"].map((id) => rollout(id)),
    ]),
    trainer: { batchGroups: 1, stepSeconds: 1, pauseSeconds: 0.1 },
  };
  const run = simulate(given, { staleness: 1 });
  const finished = run.rollouts.map(({ finishSeconds }) => finishSeconds ?? Number.NaN);
  const [long = Number.NaN, a = Number.NaN, b = Number.NaN] = finished;
  const [first = Number.NaN, second = Number.NaN] = run.trainer?.stepEnds ?? [];
  // Two are let in; the third when the first step's version is in service, and it stays behind the long one.
  assert.ok(Math.abs(first - (a + 1)) < 1e-6 && b > first && b < long);
  assert.ok(Math.abs(second - (long + 1)) < 1e-6, `${second} ${long}`);
  assert.deepEqual([run.trainer?.late, run.wastedTokens], [0, 0]);
});

test("adapters: few slots are shared in turn, each load delays who waits for it", () => {
  const adapters = { slots: 1, loadSeconds: 3 };
  const tenants = ["t0", "t1"].map((name) => ({ name, base: "p" }));
  const given: Workload = {
    ...workload(
      ["a", "b"].map((id, i) => rollout(id, { policy: `t${i}`, outputTokens: 100 })),
      [worker("w0", { adapters })],
    ),
    policies: [{ name: "p", base: null }, ...tenants],
  };
  const run = simulate(given);
  assertConserved(run, given);
  assert.equal(run.adapterLoads, 2);
  // One after the other: load, a step that prefills, 99 more.
  const seconds = 2 * (3 + 100 * 0.011 + 0.01);
  assert.ok(Math.abs(run.makespanSeconds - seconds) < 1e-6, `${run.makespanSeconds} ${seconds}`);
});
