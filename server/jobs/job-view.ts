/** What is told of a job. */
import type { JobSettings } from "../contract/job.ts";
import type { Distance } from "../rollouts/summary.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import type { SchedulerSnapshot } from "../scheduler/events.ts";
import type { Job } from "./job.ts";
import type { JobRow } from "./job-rows.ts";

export interface JobView {
  readonly job: string;
  readonly declared: boolean;
  readonly settings: JobSettings;
  readonly load: {
    /** Accepted and not ended. */
    readonly inFlight: number;
    /** By the staleness bound. */
    readonly held: number;
    readonly waiting: number;
    readonly running: number;
    /** How rollouts ended since the server started. */
    readonly finished: number;
    readonly aborted: number;
    readonly failed: number;
    readonly outputTokens: number;
  };
  readonly trainer: JobRow["trainer"];
  readonly committedVersion: number | null;
  readonly lag: number | null;
  /** Of the stretch from no rollout in flight to none: the one under way, else the last. */
  readonly distance: Distance;
  /** Groups. */
  readonly staleness: {
    readonly limit: number;
    readonly admitted: number;
    readonly held: number;
    readonly waitsForVersion: number | null;
  } | null;
}

export function viewOf(
  job: Job,
  scheduled: SchedulerSnapshot["jobs"],
  committedVersion: number | null,
  distance: Distance,
): JobView {
  const { name, settings, bound, inFlight, finished, aborted, failed, outputTokens } = job;
  const { waiting = 0, running = 0 } = scheduled.find((one) => one.job === name) ?? {};
  const held = bound?.heldRollouts ?? 0;
  return {
    job: name,
    declared: job.declared,
    settings,
    load: { inFlight, held, waiting, running, finished, aborted, failed, outputTokens },
    trainer: job.trainer,
    committedVersion,
    lag: job.lag,
    distance,
    staleness: bound && {
      limit: bound.limit,
      admitted: bound.admitted,
      held: bound.heldGroups,
      waitsForVersion: bound.waitsForVersion,
    },
  };
}

export const distanceOf = (
  { name, tally, stretch }: Job,
  made: ReadonlyMap<string, readonly Made[]>,
): Distance => tally?.distance(made.get(name) ?? []) ?? stretch;
