/** What the coarse resolution leaves out changes no result by much: shared cases of either kind, within 3 %, where nothing is cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createDiscipline } from "../../../server/scheduler/disciplines/disciplines.ts";
import { type SchedulerFactory, simulate } from "../../../server/simulator/simulate.ts";
import { type PresetName, presetWorkload } from "../../../server/simulator/workloads/presets.ts";

const CASES: readonly (readonly [
  name: PresetName,
  resume: "recompute" | "pool",
  groups: number,
  workers: number,
])[] = [
  ["moonlight", "recompute", 50, 4],
  ["moonlight", "pool", 50, 4],
  ["vl72b", "recompute", 38, 2],
  ["short16k", "recompute", 64, 4],
  ["tailsieve", "recompute", 64, 8],
  ["agentic", "recompute", 0, 2],
  ["multi-tenant", "recompute", 64, 2],
];

for (const [name, resume, groups, workers] of CASES) {
  for (const discipline of ["paceline", "pull-fcfs"] as const) {
    test(`${name}, ${resume}, ${discipline}: fluid beside exact`, () => {
      const workload = presetWorkload(name, 7, { groups, sessions: 48, workers, resume });
      const create: SchedulerFactory = (clock, random) =>
        createDiscipline(discipline, clock, random);
      const scheduler = { name: discipline, create };
      const exact = simulate(workload, { scheduler });
      const fluid = simulate(workload, { scheduler, resolution: "fluid" });
      assert.equal(fluid.outputTokens, exact.outputTokens);
      // Each cut, and each session that is paused, moves the next: a slight difference early is another order later, as another seed is.
      const cut = exact.rollouts.some(({ segments }) =>
        segments.some(({ ended }) => ended === "cut"),
      );
      const paused = discipline === "paceline" && name === "agentic";
      const within = cut || paused ? 0.1 : 0.03;
      const apart = fluid.makespanSeconds / exact.makespanSeconds - 1;
      assert.ok(Math.abs(apart) <= within, `${apart}`);
      assert.ok(fluid.events < exact.events);
    });
  }
}
