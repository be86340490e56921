/** One workload under several schedulers, on the same seeds: means with 95 % confidence intervals. */
import type { Run } from "../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { workloadBound } from "../../server/simulator/workload-bound.ts";
import { type Interval, intervalOf } from "./interval.ts";

export interface Sample {
  readonly run: Run;
  readonly ratio: number;
  readonly rho: number;
}

export interface Row {
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
  readonly samples: readonly Sample[];
}

export function compare(
  workloads: readonly Workload[],
  schedulers: readonly SchedulerName[],
  told: (scheduler: SchedulerName) => void,
): Row[] {
  const bounds = workloads.map(workloadBound);
  let baseline: readonly Sample[] | null = null;
  return schedulers.map((scheduler): Row => {
    told(scheduler);
    const samples = workloads.map((workload, i): Sample => {
      const run = simulate(workload, { seed: i + 1, scheduler: schedulerNamed(scheduler) });
      if (run.unfinished > 0) throw new Error(`${scheduler}: ${run.unfinished} did not finish`);
      const bound = bounds[i];
      if (bound === undefined) throw new Error("a workload without a bound");
      const ratio = run.makespanSeconds / bound.seconds;
      if (ratio < 1) throw new Error(`${scheduler} beats the bound of ${run.workload}: ${ratio}`);
      return { run, ratio, rho: bound.rho };
    });
    baseline ??= samples;
    const first = baseline;
    const mean = (of: (sample: Sample) => number): number => intervalOf(samples.map(of)).mean;
    return {
      scheduler,
      ratio: intervalOf(samples.map((sample) => sample.ratio)),
      rho: mean((sample) => sample.rho),
      tailShare: mean(({ run }) => run.tailShare),
      speedup: intervalOf(samples.map(({ ratio }, i) => (first[i]?.ratio ?? ratio) / ratio)),
      preemptions: mean(({ run }) => run.preemptions),
      reprefilled: mean(({ run }) => run.reprefilledTokens),
      samples,
    };
  });
}

export function printRows(title: string, rows: readonly Row[], extra?: Column): void {
  const columns: readonly Column[] = [
    { name: "scheduler", cell: ({ scheduler }) => scheduler },
    { name: "T/LB", cell: ({ ratio }) => shown(ratio, 3) },
    { name: "tail share", cell: ({ tailShare }) => tailShare.toFixed(2) },
    { name: `× over ${rows[0]?.scheduler}`, cell: ({ speedup }) => shown(speedup, 2) },
    { name: "preemptions", cell: ({ preemptions }) => preemptions.toFixed(0) },
    {
      name: "prefilled again, M tokens",
      cell: ({ reprefilled }) => (reprefilled / 1e6).toFixed(1),
    },
    ...(extra === undefined ? [] : [extra]),
  ];
  const seeds = rows[0]?.samples.length ?? 0;
  console.log(`\n### ${title}, ρ = ${rows[0]?.rho.toFixed(2)}, ${seeds} seeds\n`);
  console.log(`| ${columns.map(({ name }) => name).join(" | ")} |`);
  console.log(`|${"---|".repeat(columns.length)}`);
  for (const row of [...rows].sort((a, b) => a.ratio.mean - b.ratio.mean)) {
    console.log(`| ${columns.map(({ cell }) => cell(row)).join(" | ")} |`);
  }
}

export interface Column {
  readonly name: string;
  readonly cell: (row: Row) => string;
}

export const shown = ({ mean, half }: Interval, digits: number): string =>
  half === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
