/** What came out of a simulated run. Plain data: same workload, scheduler and seed, same bytes. */
import type { LowerBound } from "../scheduler/bound/bound.ts";
import type { Outcome } from "../scheduler/card.ts";
import type { Resolution } from "./options.ts";

/** What one attempt made. */
export interface SegmentRun {
  readonly worker: string;
  /** Under which it began; `keep` may have replaced it meanwhile. */
  readonly version: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Output tokens before and after. */
  readonly from: number;
  readonly to: number;
  readonly ended: Outcome;
}

export interface RolloutRun {
  readonly id: string;
  readonly arrivalSeconds: number;
  /** Null: never placed. */
  readonly startSeconds: number | null;
  /** Null: not finished. */
  readonly finishSeconds: number | null;
  readonly outputTokens: number;
  readonly segments: readonly SegmentRun[];
}

/** The fleet at one time; per row of the timeline, in the fleet's order. */
export interface TimelineSample {
  readonly seconds: number;
  readonly waiting: number;
  readonly finished: number;
  readonly running: readonly number[];
  readonly kvTokens: readonly number[];
}

/** How a trainer beside the fleet fared. */
export interface TrainerRun {
  /** When each of its steps ended. */
  readonly stepEnds: readonly number[];
  readonly trainedTokens: number;
  /** Of these, made by attempts that began under an older version. */
  readonly offPolicyTokens: number;
  /** Of these it had no batch. */
  readonly idleSeconds: number;
  /** Rollouts by the versions that they were behind when they were taken. */
  readonly lags: readonly number[];
  /** Of these, beyond η: none, or the bound is broken. */
  readonly late: number;
}

/** Workers that the timeline shows as one. */
export interface TimelineRow {
  readonly workers: number;
  /** What they can hold. */
  readonly kvTokens: number;
}

export interface Run {
  readonly workload: string;
  readonly scheduler: string;
  readonly seed: number;
  readonly resolution: Resolution;
  readonly workers: number;
  readonly finished: number;
  /** Rollouts that nothing could place any more, or that were refused. */
  readonly unfinished: number;
  /** Ended by the trainer's rounds, for good: siblings beyond those that were needed. */
  readonly dropped: number;
  /** Finished at a worker's KV before their length. */
  readonly truncated: number;
  readonly makespanSeconds: number;
  /** What no scheduler could have gone below. */
  readonly bound: LowerBound;
  /** Share of the makespan in which the last tenth of the rollouts finished. */
  readonly tailShare: number;
  readonly outputTokens: number;
  /** Decoded by engines, and part of no rollout. */
  readonly wastedTokens: number;
  readonly prefilledTokens: number;
  /** Of these, what had been computed before. */
  readonly reprefilledTokens: number;
  readonly preemptions: number;
  /** Σ over workers of the most that each host kept. */
  readonly peakHostTokens: number;
  /** Largest share of its KV that any worker held. */
  readonly peakKvShare: number;
  readonly adapterLoads: number;
  /** Attempts that ended with their worker. */
  readonly lost: number;
  readonly trainer: TrainerRun | null;
  readonly events: number;
  readonly rollouts: readonly RolloutRun[];
  readonly rows: readonly TimelineRow[];
  readonly timeline: readonly TimelineSample[];
}

/** Share of the makespan after nine tenths of the finished rollouts were through; `ends` in seconds. */
export function tailShare(ends: readonly number[], makespanSeconds: number): number {
  if (ends.length === 0 || makespanSeconds === 0) return 0;
  const sorted = ends.toSorted((a, b) => a - b);
  const ninth = sorted[Math.ceil(sorted.length * 0.9) - 1] as number;
  return (makespanSeconds - ninth) / makespanSeconds;
}
