/**
 * B2 where prompts come again: all of them three times, lengths drawn anew each time for what chance makes of them, and the third time
 * against its own bound. By then the scheduler has seen what its histories foretold come once. Beside it, what true lengths are
 * worth, and histories that tell nothing: each time every prompt has another's key.
 */
import { schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { SimulatedRollout, Workload } from "../../server/simulator/workload.ts";
import { workloadBound } from "../../server/simulator/workload-bound.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { bestSplitSeconds } from "./best-split.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";

/** Share of the variance of log length that a prompt makes. */
const WITHIN = [0.65, 0.9] as const;
const EPOCHS = 3;
/** Ten times what any takes, seconds. */
const APART = 1_500;

export function b2Epochs({ seeds, results }: Budget): void {
  for (const within of WITHIN) {
    const epochs = seeds.map((seed) => ({ seed, ...lastOf(within, seed) }));
    const ratios = (name: string, secondsOf: (each: (typeof epochs)[number]) => number): string => {
      const each = epochs.map((epoch) =>
        results.sample(`epochs, ρ_g ${within}, ${name}, seed ${epoch.seed}`, () => ({
          ratio: secondsOf(epoch) / epoch.boundSeconds,
        })),
      );
      return `| ${name} | ${shown(intervalOf(each.map(({ ratio }) => ratio)), 3)} |`;
    };
    console.log(`\n### tailsieve, the third time, ρ_g = ${within}, ${seeds.length} seeds\n`);
    console.log("| | T/LB |\n|---|---|");
    console.log(ratios("best split, lengths known", ({ alone }) => bestSplitSeconds(alone)));
    for (const name of ["tail-sieve", "pull-fcfs"] as const) {
      const run = (workload: Workload, seed: number): number =>
        simulate(workload, { seed, scheduler: schedulerNamed(name) }).makespanSeconds;
      console.log(ratios(name, ({ alone, seed }) => run(alone, seed)));
    }
    console.log(ratios("paceline, without", ({ alone, seed }) => secondsOf(alone, seed)));
    console.log(ratios("paceline", ({ workload, seed }) => secondsOf(workload, seed)));
    console.log(
      ratios("paceline, histories of others", ({ workload, seed }) =>
        secondsOf(strangers(workload), seed),
      ),
    );
  }
}

interface Last {
  readonly workload: Workload;
  /** The last time, as if it were the first. */
  readonly alone: Workload;
  readonly boundSeconds: number;
}

function lastOf(within: number, seed: number): Last {
  const epochs = { count: EPOCHS, apartSeconds: APART };
  const workload = presetWorkload("tailsieve", seed, { within, epochs });
  const rollouts = workload.rollouts
    .filter(({ arrivalSeconds }) => arrivalSeconds === (EPOCHS - 1) * APART)
    .map((rollout) => ({ ...rollout, arrivalSeconds: 0 }));
  const alone = { ...workload, rollouts };
  return { workload, alone, boundSeconds: workloadBound(alone).seconds };
}

/** Of what came last. */
function secondsOf(workload: Workload, seed: number): number {
  const run = simulate(workload, { seed, scheduler: schedulerNamed("paceline") });
  if (run.unfinished > 0) throw new Error(`${run.unfinished} did not finish`);
  return run.makespanSeconds - Math.max(...workload.rollouts.map((each) => each.arrivalSeconds));
}

function strangers(workload: Workload): Workload {
  const prompts = [...new Set(workload.rollouts.map(({ prompt }) => prompt))];
  const at = new Map(prompts.map((prompt, i) => [prompt, i]));
  const other = ({ prompt, arrivalSeconds }: SimulatedRollout): string => {
    const shift = (arrivalSeconds / APART) * (Math.floor(prompts.length / EPOCHS) + 1);
    return prompts[((at.get(prompt) ?? 0) + shift) % prompts.length] ?? prompt;
  };
  const rollouts = workload.rollouts.map((each) => ({ ...each, prompt: other(each) }));
  return { ...workload, rollouts };
}
