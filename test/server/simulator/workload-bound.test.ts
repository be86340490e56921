/** No simulated run beats the bound, whatever the workload and whoever schedules it; and the bound is not idle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEDULER_NAMES, schedulerNamed } from "../../../server/simulator/schedulers.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import { workloadBound } from "../../../server/simulator/workload-bound.ts";
import { PRESET_NAMES, presetWorkload } from "../../../server/simulator/workloads/presets.ts";
import { testSeed } from "../../support/seeded-random.ts";

const SMALL = { groups: 24, sessions: 24, workers: 2 };

for (const name of PRESET_NAMES) {
  test(`no run of ${name} beats its bound`, () => {
    const seed = testSeed(`bound of ${name}`);
    const workload = presetWorkload(name, seed, SMALL);
    const bound = workloadBound(workload);
    let best = Number.POSITIVE_INFINITY;
    for (const scheduler of SCHEDULER_NAMES) {
      const run = simulate(workload, { seed, scheduler: schedulerNamed(scheduler) });
      assert.equal(run.finished, workload.rollouts.length, scheduler);
      const ratio = run.makespanSeconds / bound.seconds;
      assert.ok(ratio >= 1, `${scheduler}: T/LB ${ratio}`);
      best = Math.min(best, ratio);
    }
    assert.ok(best < 2, `T/LB ${best}: a bound so far off says nothing`);
    assert.ok(bound.seconds >= Math.max(bound.longSeconds, bound.workSeconds));
  });
}
