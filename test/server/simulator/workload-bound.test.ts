/** No simulated run beats the bound, whatever the workload and whoever schedules it; and the bound is not idle. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
    const run = simulate(workload, { seed });
    assert.equal(run.finished, workload.rollouts.length);
    const ratio = run.makespanSeconds / bound.seconds;
    assert.ok(ratio >= 1, `T/LB ${ratio}`);
    assert.ok(ratio < 3, `T/LB ${ratio}: a bound so far off says nothing`);
    assert.ok(bound.seconds >= Math.max(bound.longSeconds, bound.workSeconds));
  });
}
