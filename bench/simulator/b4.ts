/**
 * B4: a trainer beside the fleet takes a batch every 30 s and publishes after each; a rollout may be η versions behind when it is
 * taken. How near it comes to the most that any scheduler could have fed it (`trainer-bound.ts`): from an empty fleet on, and
 * after the first η + 1 steps, given when these ended.
 */
import type { OnUpdate } from "../../server/contract/policy.ts";
import type { Run, TrainerRun } from "../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { shown } from "./comparison.ts";
import { type Interval, intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";
import { trainerBoundSeconds } from "./trainer-bound.ts";

interface Row {
  readonly scheduler: SchedulerName;
  readonly eta: number;
  readonly pauseSeconds: number;
  readonly onUpdate: OnUpdate;
  readonly workers: number;
}

const BASE: Row = {
  scheduler: "paceline",
  eta: 4,
  pauseSeconds: 2,
  onUpdate: "keep",
  workers: 6,
};
const QUICK: readonly Partial<Row>[] = [
  ...[0, 1, 2, 4, 8].map((eta) => ({ eta })),
  { onUpdate: "reprefill" },
  { onUpdate: "finish" },
  { workers: 4 },
];
const FULL: readonly Partial<Row>[] = [
  ...QUICK,
  { pauseSeconds: 1 },
  { pauseSeconds: 6 },
  { workers: 5 },
  { scheduler: "pull-fcfs" },
  { scheduler: "group-round-robin" },
];

export function b4({ seeds, quick, told }: Budget): void {
  const steps = quick ? 12 : 40;
  console.log(
    `\n## B4: a trainer beside the fleet, ${steps} steps of 30 s, ${seeds.length} seeds\n`,
  );
  const columns =
    "scheduler | η | workers | pause, s | on update | of the bound | after η + 1 steps | tokens/s | staleness p50 / p99 | violations | wasted | prefilled again, M";
  console.log(`| ${columns} |\n|${"---|".repeat(columns.split("|").length)}`);
  for (const changes of quick ? QUICK : FULL) {
    const row = { ...BASE, ...changes };
    told(row.scheduler);
    console.log(`| ${cellsOf(row, seeds, steps).join(" | ")} |`);
  }
}

function cellsOf(row: Row, seeds: readonly number[], steps: number): readonly string[] {
  const { scheduler, eta, pauseSeconds, onUpdate, workers } = row;
  const samples = seeds.map((seed) => {
    const workload = workloadOf(seed, steps, row);
    const run = simulate(workload, {
      seed,
      scheduler: schedulerNamed(scheduler),
      staleness: eta,
      updates: { onUpdate },
    });
    const trainer = trained(run, steps);
    const { stepEnds } = trainer;
    const seconds = stepEnds.at(-1) ?? Number.NaN;
    const bound = trainerBoundSeconds(workload, eta, steps);
    if (seconds < bound) throw new Error(`${scheduler} beats the bound: ${seconds} of ${bound}`);
    const begun = stepEnds.slice(0, eta + 1);
    const from = begun.at(-1) ?? 0;
    const after = trainerBoundSeconds(workload, eta, steps, begun);
    const steady = (after - from) / (seconds - from);
    return { run, trainer, seconds, ofBound: bound / seconds, steady };
  });
  const sum = (of: (trainer: TrainerRun, run: Run) => number): number =>
    samples.reduce((total, { trainer, run }) => total + of(trainer, run), 0);
  const lags = samples.flatMap(({ trainer }) => [...trainer.lags.entries()]);
  const mean = (of: (sample: (typeof samples)[number]) => number): Interval =>
    intervalOf(samples.map(of));
  return [
    scheduler,
    ...[eta, workers, pauseSeconds].map(String),
    onUpdate,
    shown(
      mean(({ ofBound }) => ofBound),
      3,
    ),
    shown(
      mean(({ steady }) => steady),
      3,
    ),
    shown(
      mean(({ trainer, seconds }) => trainer.trainedTokens / seconds),
      0,
    ),
    `${quantile(lags, 0.5)} / ${quantile(lags, 0.99)}`,
    String(sum(({ late }) => late)),
    String(sum((_, { wastedTokens }) => wastedTokens)),
    (sum((_, run) => run.reprefilledTokens) / 1e6 / samples.length).toFixed(1),
  ];
}

function workloadOf(seed: number, steps: number, { workers, pauseSeconds }: Row): Workload {
  const workload = presetWorkload("async", seed, { workers });
  const { trainer } = workload;
  if (trainer === undefined) throw new Error("a preset without its trainer");
  const groups = steps * trainer.batchGroups;
  return {
    ...presetWorkload("async", seed, { workers, groups }),
    trainer: { ...trainer, pauseSeconds },
  };
}

function trained({ trainer, unfinished }: Run, steps: number): TrainerRun {
  if (trainer?.stepEnds.length === steps && unfinished === 0) return trainer;
  throw new Error(
    `${trainer?.stepEnds.length} of ${steps} steps, ${unfinished} rollouts not finished`,
  );
}

/** Of rollouts counted by versions behind. */
function quantile(
  counts: readonly (readonly [lag: number, rollouts: number])[],
  q: number,
): number {
  const sorted = counts.toSorted(([a], [b]) => a - b);
  let left = q * sorted.reduce((sum, [, rollouts]) => sum + rollouts, 0);
  for (const [lag, rollouts] of sorted) {
    left -= rollouts;
    if (left <= 0) return lag;
  }
  return sorted.at(-1)?.[0] ?? 0;
}
