/**
 * B2: bound by the longest rollout. Against the bound, and against the best that can be done by placing each rollout once, at the
 * start, with all lengths known (TailSieve's optimum).
 */
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { workloadBound } from "../../server/simulator/workload-bound.ts";
import { type PresetName, presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { b2Epochs } from "./b2-epochs.ts";
import { bestSplitSeconds } from "./best-split.ts";
import { compare, nothingMore, printRows, type Row, shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";

const PRESETS: readonly PresetName[] = ["tailsieve", "tailsieve-flat", "short16k", "runaway"];
const SCHEDULERS: readonly SchedulerName[] = [
  "group-round-robin",
  "request-round-robin",
  "least-requests",
  "cache-aware",
  "pull-fcfs",
  "seer",
  "stream-skew",
  "tail-sieve",
  "longest-first",
  "paceline",
];

export function b2(budget: Budget): void {
  console.log("\n## B2: synchronous, bound by the longest");
  for (const preset of PRESETS) {
    const workloadOf = (seed: number): Workload => presetWorkload(preset, seed);
    const best = budget.seeds.map((seed) => bestSplitSeconds(workloadOf(seed)));
    const rows = compare(preset, workloadOf, SCHEDULERS, budget, nothingMore);
    const ofBest = ({ samples }: Row): string =>
      shown(intervalOf(samples.map(({ seconds }, i) => seconds / (best[i] ?? Number.NaN))), 3);
    printRows(preset, rows, budget, [{ name: "of the best split", cell: ofBest }]);
    const cells = REVEALED.map((tokens) => {
      const ratios = budget.seeds.map((seed) => {
        const workload = workloadOf(seed);
        return revealedSeconds(workload, tokens) / workloadBound(workload).seconds;
      });
      return `${tokens}: ${shown(intervalOf(ratios), 3)}`;
    });
    console.log(
      `\nT/LB of the best split of what is left after so many tokens: ${cells.join(", ")}`,
    );
  }
  b2Epochs(budget);
}

/** Tokens after which a rollout's length is known, in a first epoch. */
const REVEALED = [0, 512, 1_024, 2_048, 4_096] as const;

/**
 * Where nobody knows a length before so many tokens of it are made: all are spread evenly until then, and what is left of them
 * is then split as well as can be, moved for nothing.
 */
function revealedSeconds(workload: Workload, tokens: number): number {
  const { rollouts, fleet } = workload;
  const [worker] = fleet.workers;
  if (worker === undefined) throw new Error("a fleet without a worker");
  const { a, s } = worker.step;
  const made = rollouts.map(({ outputTokens }) => Math.min(outputTokens, tokens));
  const first =
    a * Math.max(...made) + (s * made.reduce((x, y) => x + y, 0)) / fleet.workers.length;
  const left = rollouts.map((rollout, i) => ({
    ...rollout,
    outputTokens: rollout.outputTokens - (made[i] ?? 0),
  }));
  return first + bestSplitSeconds({ ...workload, rollouts: left });
}
