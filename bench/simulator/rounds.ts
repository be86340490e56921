/**
 * What changes the workload: a trainer that waits for its batch, asks for more than it takes, and carries on with what is
 * left (APRIL) or gives it a round of its own (tail batching of RollPacker). Generation per step against rounds that are
 * whole, with what it costs: tokens of older weights, tokens made for nothing, and how much shorter what is learnt from is.
 */
import type { Run, TrainerRun } from "../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { RoundsSpec, Workload } from "../../server/simulator/workload.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Numbers } from "./results.ts";
import type { Budget } from "./run.ts";

/** Prompts and siblings that a step learns from. */
const BATCH = 32;
const NEED = 8;

interface Rule {
  readonly name: string;
  readonly rounds: RoundsSpec;
  /** Siblings that are asked for. */
  readonly size: number;
}

const RULES: readonly Rule[] = [
  { name: "whole", rounds: { issue: 1, leftover: "resume" }, size: NEED },
  { name: "APRIL, ×2 prompts", rounds: { issue: 2, leftover: "resume" }, size: NEED },
  { name: "APRIL, ×1.25 prompts", rounds: { issue: 1.25, leftover: "resume" }, size: NEED },
  {
    name: "RollPacker, ×1.25 prompts, ×1.25 siblings",
    rounds: { issue: 1.25, need: NEED, leftover: "long-round" },
    size: (NEED * 5) / 4,
  },
];

/**
 * `seconds`: of generating, a step; `offPolicy`, `wasted`: shares of tokens; `length`: mean length of what is learnt from over that of
 * all that was asked for.
 */
type Sample = Numbers<"seconds" | "offPolicy" | "wasted" | "length">;

export function rounds({ seeds, quick, results }: Budget): void {
  const steps = quick ? 8 : 24;
  const schedulers: readonly SchedulerName[] = ["paceline", "group-round-robin"];
  console.log(
    `\n## Rounds: ${steps} batches of ${BATCH} × ${NEED} of short16k on 8 workers, ${seeds.length} seeds\n`,
  );
  const columns =
    "rounds | scheduler | generation a step, s | × whole | off-policy tokens | made for nothing | length learnt from";
  console.log(`| ${columns} |\n|${"---|".repeat(columns.split("|").length)}`);
  for (const scheduler of schedulers) {
    let whole: readonly Sample[] | null = null;
    for (const rule of RULES) {
      const samples = seeds.map((seed) =>
        results.sample(`rounds of ${steps}, ${rule.name}, ${scheduler}, seed ${seed}`, () =>
          sampleOf(rule, scheduler, seed, steps),
        ),
      );
      whole ??= samples;
      const first = whole;
      const mean = (of: (sample: Sample, i: number) => number, digits: number): string =>
        shown(intervalOf(samples.map(of)), digits);
      const cells = [
        rule.name,
        scheduler,
        mean(({ seconds }) => seconds, 1),
        mean(({ seconds }, i) => (first[i]?.seconds ?? seconds) / seconds, 2),
        mean(({ offPolicy }) => offPolicy, 3),
        mean(({ wasted }) => wasted, 3),
        mean(({ length }) => length, 2),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

function sampleOf(rule: Rule, scheduler: SchedulerName, seed: number, steps: number): Sample {
  const workload: Workload = {
    ...presetWorkload("short16k", seed, { groups: steps * BATCH, size: rule.size }),
    trainer: { batchGroups: BATCH, stepSeconds: 1, pauseSeconds: 0, rounds: rule.rounds },
  };
  const run = simulate(workload, { seed, scheduler: schedulerNamed(scheduler) });
  const { stepEnds, trainedTokens, offPolicyTokens, idleSeconds, lags } = trainerOf(run);
  const learnt = lags.reduce((sum, count) => sum + count, 0);
  if (learnt !== steps * BATCH * NEED) throw new Error(`${rule.name}: ${learnt} were learnt from`);
  const asked = workload.rollouts.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  return {
    seconds: idleSeconds / stepEnds.length,
    offPolicy: offPolicyTokens / trainedTokens,
    wasted: run.wastedTokens / (run.wastedTokens + run.outputTokens),
    length: trainedTokens / learnt / (asked / workload.rollouts.length),
  };
}

function trainerOf({ trainer, unfinished }: Run): TrainerRun {
  if (trainer === null || unfinished > 0) throw new Error(`${unfinished} did not finish`);
  return trainer;
}
