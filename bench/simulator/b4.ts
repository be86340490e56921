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
import type { Numbers } from "./results.ts";
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

export function b4(budget: Budget): void {
  const { seeds, quick, plot } = budget;
  const steps = quick ? 12 : 40;
  console.log(
    `\n## B4: a trainer beside the fleet, ${steps} steps of 30 s, ${seeds.length} seeds\n`,
  );
  const columns =
    "scheduler | η | workers | pause, s | on update | of the bound | after η + 1 steps | tokens/s | staleness p50 / p99 | violations | wasted | prefilled again, M";
  console.log(`| ${columns} |\n|${"---|".repeat(columns.split("|").length)}`);
  const bars = (quick ? QUICK : FULL).map((changes) => {
    const row = { ...BASE, ...changes };
    const { cells, value } = measured(row, budget, steps);
    console.log(`| ${cells.join(" | ")} |`);
    return { name: nameOf(row), value };
  });
  plot("B4: of the bound", bars, 0);
}

const nameOf = ({ scheduler, eta, workers, pauseSeconds, onUpdate }: Row): string =>
  `${scheduler}, η ${eta}, ${workers} workers, ${pauseSeconds} s, ${onUpdate}`;

/** `lag n`: rollouts n versions behind. */
type Sample = Numbers<
  "ofBound" | "steady" | "rate" | "late" | "wasted" | "reprefilled" | `lag ${number}`
>;

function measured(row: Row, { seeds, results }: Budget, steps: number) {
  const { scheduler, eta, pauseSeconds, onUpdate, workers } = row;
  const samples = seeds.map((seed) =>
    results.sample(`trainer, ${steps} steps, ${nameOf(row)}, seed ${seed}`, () =>
      sampleOf(row, seed, steps),
    ),
  );
  const sum = (of: (sample: Sample) => number): number =>
    samples.reduce((total, sample) => total + of(sample), 0);
  const mean = (of: (sample: Sample) => number): Interval => intervalOf(samples.map(of));
  const value = mean(({ ofBound }) => ofBound);
  const steady = mean((sample) => sample.steady);
  const rate = mean((sample) => sample.rate);
  const lags = samples.flatMap(lagsOf);
  const cells = [
    scheduler,
    ...[eta, workers, pauseSeconds].map(String),
    onUpdate,
    shown(value, 3),
    shown(steady, 3),
    shown(rate, 0),
    `${quantile(lags, 0.5)} / ${quantile(lags, 0.99)}`,
    String(sum(({ late }) => late)),
    String(sum(({ wasted }) => wasted)),
    (sum(({ reprefilled }) => reprefilled) / 1e6 / samples.length).toFixed(1),
  ];
  return { cells, value };
}

function sampleOf(row: Row, seed: number, steps: number): Sample {
  const { scheduler, eta, onUpdate } = row;
  const workload = workloadOf(seed, steps, row);
  const run = simulate(workload, {
    seed,
    scheduler: schedulerNamed(scheduler),
    staleness: eta,
    updates: { onUpdate },
  });
  const { stepEnds, trainedTokens, late, lags } = trained(run, steps);
  const seconds = stepEnds.at(-1) ?? Number.NaN;
  const bound = trainerBoundSeconds(workload, eta, steps);
  if (seconds < bound) throw new Error(`${scheduler} beats the bound: ${seconds} of ${bound}`);
  const begun = stepEnds.slice(0, eta + 1);
  const from = begun.at(-1) ?? 0;
  const after = trainerBoundSeconds(workload, eta, steps, begun);
  return {
    ofBound: bound / seconds,
    steady: (after - from) / (seconds - from),
    rate: trainedTokens / seconds,
    late,
    wasted: run.wastedTokens,
    reprefilled: run.reprefilledTokens,
    ...Object.fromEntries(lags.map((rollouts, lag) => [`lag ${lag}`, rollouts])),
  };
}

const lagsOf = (sample: Sample): (readonly [lag: number, rollouts: number])[] =>
  Object.entries(sample)
    .filter(([name]) => name.startsWith("lag "))
    .map(([name, rollouts]) => [Number(name.slice(4)), rollouts]);

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
