/**
 * The fluid resolution beside exact steps: makespans of one over those of the other. Where rollouts are cut each cut moves the next, as
 * another seed would, so single runs differ by more than their mean; goal: 3 %.
 */
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import { schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Resume } from "../../server/simulator/workloads/fleets.ts";
import { type PresetName, presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";

const CASES: readonly (readonly [PresetName, Resume, groups: number, workers: number])[] = [
  ["moonlight", "recompute", 50, 4],
  ["moonlight", "host", 50, 4],
  ["moonlight", "pool", 50, 4],
  ["short16k", "recompute", 64, 4],
  ["multi-tenant", "recompute", 64, 2],
];
const SCHEDULERS: readonly SchedulerName[] = ["paceline", "pull-fcfs"];

export function resolution({ seeds, results, plot }: Budget): void {
  console.log(`\n## Fluid beside exact, ${seeds.length} seeds\n`);
  console.log(
    "| | scheduler | makespan, fluid ÷ exact | events, fluid ÷ exact |\n|---|---|---|---|",
  );
  const bars = CASES.flatMap(([preset, resume, groups, workers]) =>
    SCHEDULERS.map((name) => {
      const title = `${preset}, ${resume}`;
      const samples = seeds.map((seed) =>
        results.sample(`resolution, ${title}, ${name}, seed ${seed}`, () => {
          const workload = presetWorkload(preset, seed, { groups, workers, resume });
          const scheduler = schedulerNamed(name);
          const exact = simulate(workload, { seed, scheduler });
          const fluid = simulate(workload, { seed, scheduler, resolution: "fluid" });
          return {
            makespan: fluid.makespanSeconds / exact.makespanSeconds,
            events: fluid.events / exact.events,
          };
        }),
      );
      const value = intervalOf(samples.map(({ makespan }) => makespan));
      const events = intervalOf(samples.map((sample) => sample.events));
      console.log(`| ${title} | ${name} | ${shown(value, 3)} | ${events.mean.toFixed(2)} |`);
      return { name: `${name}, ${title}`, value };
    }),
  );
  plot("Fluid beside exact: makespan", bars, 1);
}
