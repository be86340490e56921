/** One workload under several schedulers, on the same seeds: means with 95 % confidence intervals. */

import type { LowerBound } from "../../server/scheduler/bound/bound.ts";
import type { Run } from "../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { workloadBound } from "../../server/simulator/workload-bound.ts";
import { type Interval, intervalOf } from "./interval.ts";
import type { Numbers } from "./results.ts";
import type { Budget } from "./run.ts";

export type Sample = Numbers<
  "seconds" | "ratio" | "rho" | "tailShare" | "preemptions" | "reprefilled" | "prefilled"
>;

/** `More`: what a table measures beside these. */
export interface Row<More extends string = never> {
  readonly scheduler: SchedulerName;
  /** T/LB. */
  readonly ratio: Interval;
  readonly rho: number;
  readonly tailShare: number;
  /** How many times faster than the first of the schedulers, pair by pair. */
  readonly speedup: Interval;
  readonly preemptions: number;
  /** Tokens that had been computed before. */
  readonly reprefilled: number;
  readonly samples: readonly (Sample & Numbers<More>)[];
}

/** `title` names the table, and its runs among the results. */
export function compare<More extends string = never>(
  title: string,
  workloadOf: (seed: number) => Workload,
  schedulers: readonly SchedulerName[],
  { rows, results, seeds }: Pick<Budget, "rows" | "results" | "seeds">,
  more: (run: Run) => Numbers<More>,
): Row<More>[] {
  const workloads = seeds.map((seed) => {
    const workload = workloadOf(seed);
    return { seed, workload, bound: workloadBound(workload) };
  });
  let baseline: readonly Sample[] | null = null;
  const chosen = schedulers.filter((name) => rows?.has(name) ?? true);
  return chosen.map((scheduler): Row<More> => {
    const samples = workloads.map(({ seed, workload, bound }) =>
      results.sample(`${title}, ${scheduler}, seed ${seed}`, () => {
        const run = simulate(workload, { seed, scheduler: schedulerNamed(scheduler) });
        return { ...numbersOf(run, bound), ...more(run) };
      }),
    );
    baseline ??= samples;
    const first = baseline;
    const mean = (of: (sample: Sample) => number): number => intervalOf(samples.map(of)).mean;
    return {
      scheduler,
      ratio: intervalOf(samples.map((sample) => sample.ratio)),
      rho: mean((sample) => sample.rho),
      tailShare: mean((sample) => sample.tailShare),
      speedup: intervalOf(samples.map(({ ratio }, i) => (first[i]?.ratio ?? ratio) / ratio)),
      preemptions: mean((sample) => sample.preemptions),
      reprefilled: mean((sample) => sample.reprefilled),
      samples,
    };
  });
}

function numbersOf(run: Run, bound: LowerBound): Sample {
  const { scheduler, unfinished, makespanSeconds: seconds } = run;
  if (unfinished > 0) throw new Error(`${scheduler}: ${unfinished} did not finish`);
  const ratio = seconds / bound.seconds;
  if (ratio < 1) throw new Error(`${scheduler} beats the bound of ${run.workload}: ${ratio}`);
  return {
    seconds,
    ratio,
    rho: bound.rho,
    tailShare: run.tailShare,
    preemptions: run.preemptions,
    reprefilled: run.reprefilledTokens,
    prefilled: run.prefilledTokens,
  };
}

export const nothingMore = (): Numbers<never> => ({});

export function printRows<More extends string>(
  title: string,
  rows: readonly Row<More>[],
  { plot }: Pick<Budget, "plot">,
  extra: readonly Column<More>[] = [],
): void {
  const columns: readonly Column<More>[] = [
    { name: "scheduler", cell: ({ scheduler }) => scheduler },
    { name: "T/LB", cell: ({ ratio }) => shown(ratio, 3) },
    { name: "tail share", cell: ({ tailShare }) => tailShare.toFixed(2) },
    { name: `× over ${rows[0]?.scheduler}`, cell: ({ speedup }) => shown(speedup, 2) },
    { name: "preemptions", cell: ({ preemptions }) => preemptions.toFixed(0) },
    {
      name: "prefilled again, M tokens",
      cell: ({ reprefilled }) => (reprefilled / 1e6).toFixed(1),
    },
    ...extra,
  ];
  const seeds = rows[0]?.samples.length ?? 0;
  console.log(`\n### ${title}, ρ = ${rows[0]?.rho.toFixed(2)}, ${seeds} seeds\n`);
  console.log(`| ${columns.map(({ name }) => name).join(" | ")} |`);
  console.log(`|${"---|".repeat(columns.length)}`);
  const sorted = [...rows].sort((a, b) => a.ratio.mean - b.ratio.mean);
  for (const row of sorted) console.log(`| ${columns.map(({ cell }) => cell(row)).join(" | ")} |`);
  const bars = sorted.map(({ scheduler, ratio }) => ({ name: scheduler, value: ratio }));
  plot(`${title}: T/LB`, bars, 1);
}

export interface Column<More extends string> {
  readonly name: string;
  readonly cell: (row: Row<More>) => string;
}

export const shown = ({ mean, half }: Interval, digits: number): string =>
  half === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
