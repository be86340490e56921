/** Jobs: what a trainer's namespace is told once, and what its trainer tells at every step. */
import type { OnUpdate } from "./policy.ts";
import type { LogprobMode, OnInfeasible, Rollout } from "./rollout.ts";

/** `null`: no limit. */
export interface JobQuota {
  /** Rollouts accepted and not ended; beyond it `quota_exceeded`. */
  readonly maxInFlight: number | null;
  /** Rollouts on workers at once; beyond it they wait. */
  readonly maxRunning: number | null;
}

/** `null`, and an empty list: the job says nothing, and what comes next in line decides. */
export interface JobSettings {
  /** Of rollouts that name none. */
  readonly policy: string | null;
  /** B: groups that one step of the trainer takes. */
  readonly batchGroups: number | null;
  /** η: steps that a group may be old when it is trained on, and versions that a token may be old in a Result; `null` = no bound. */
  readonly eta: number | null;
  readonly onInfeasible: OnInfeasible;
  readonly onUpdate: OnUpdate | null;
  /** Milliseconds. */
  readonly updateGraceMs: number | null;
  readonly quota: JobQuota;
  /** Share beside other jobs. */
  readonly weight: number;
  /** Where its rollouts may run; empty = anywhere. */
  readonly pools: readonly string[];
  /** Whether a rollout may go on on another kind of engine than it started on. */
  readonly mixedEngines: boolean;
  readonly logprobModes: readonly LogprobMode[];
  readonly resume: Rollout["resume"] | null;
  /** ε of its groups that say nothing: so many more members are made, as a share of those asked for. */
  readonly overIssue: number;
  /** Failed members that such a group may replace. */
  readonly backfill: number;
}

/** What a job has that was never declared, and what a declaration leaves out. */
export const DEFAULT_JOB: JobSettings = {
  policy: null,
  batchGroups: null,
  eta: null,
  onInfeasible: "drop",
  onUpdate: null,
  updateGraceMs: null,
  quota: { maxInFlight: null, maxRunning: null },
  weight: 1,
  pools: [],
  mixedEngines: false,
  logprobModes: [],
  resume: null,
  overIssue: 0,
  backfill: 0,
};

/** Policy of a rollout that names none in a job that names none. */
export const DEFAULT_POLICY = "default";

/** Once a step, before the rollouts of the next one are waited for. */
export interface TrainerReport {
  /** The version that the trainer holds, the coordinator's number. */
  readonly version: number;
  /** The trainer's own count of its steps; lower than before = restored from a checkpoint. */
  readonly step: number;
  /** Groups that it wants for its next step; `null` = as before. */
  readonly batchGroups: number | null;
  /** Groups of this run that it got and threw away (filters), all together. */
  readonly rejectedGroups: number;
}
