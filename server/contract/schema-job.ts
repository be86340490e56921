/** The wire's jobs: settings, the trainer's report, and what a server tells of them. */
import { z } from "zod";
import { double, id, uint32, uint53 } from "./schema.ts";
import { backfill, overIssue } from "./schema-many.ts";
import { logprobMode, onUpdate } from "./schema-rollout.ts";

export interface JobLimits {
  readonly jobPools: number;
  readonly groupSize: number;
}

/** Weights further apart than this share nothing. */
const MOST_WEIGHT = 1_000_000;

const quota = () =>
  z.strictObject({ max_in_flight: uint32(1).nullish(), max_running: uint32(1).nullish() });

/** Body of `PUT /v1/jobs/{job}`: the whole of the settings; what is left out has its default. */
export const createJobSettingsSchema = (limits: JobLimits) =>
  z.strictObject({
    policy: id().nullish(),
    batch_groups: uint32(1).nullish(),
    eta: uint32().nullish(),
    on_infeasible: z.enum(["drop", "requeue", "flag"]).nullish(),
    on_update: onUpdate().nullish(),
    update_grace_ms: uint32().nullish(),
    quota: quota().nullish(),
    weight: double().gt(0, "must be above 0").max(MOST_WEIGHT).nullish(),
    pools: z.array(id()).max(limits.jobPools).nullish(),
    mixed_engines: z.boolean().nullish(),
    logprob_modes: z.array(logprobMode()).max(4).nullish(),
    resume: z.enum(["required", "best", "never"]).nullish(),
    over_issue: overIssue().nullish(),
    backfill: backfill(limits).nullish(),
  });

/** Body of `POST /v1/jobs/{job}/trainer`. */
export const trainerReport = () =>
  z.strictObject({
    version: uint53(),
    step: uint53(),
    batch_groups: uint32(1).nullish(),
    rejected_groups: uint53().nullish(),
  });

const trainer = () =>
  z.strictObject({
    version: uint53(),
    step: uint53(),
    batch_groups: uint32().nullish(),
    rejected_groups: uint53(),
    /** Since the Unix epoch. */
    reported_at_ms: double(),
  });

const load = () =>
  z.strictObject({
    /** Accepted and not ended: held + waiting + running, and what is between two of these. */
    in_flight: uint32(),
    /** By the staleness bound. */
    held: uint32(),
    waiting: uint32(),
    running: uint32(),
    /** Ended since the server started; a Result of type `abort` counts as aborted. */
    finished: uint53(),
    aborted: uint53(),
    failed: uint53(),
    output_tokens: uint53(),
  });

/** The staleness bound, in groups. */
const staleness = () =>
  z.strictObject({
    /** (η + v + 1)·B: how many may have been let in since the run began. */
    limit: uint53(),
    /** running + accepted: let in and not given back. */
    admitted: uint53(),
    held: uint32(),
    /** A reported version that is not committed yet: the report counts once it is. */
    waits_for_version: uint53().nullish(),
  });

export const createJobSchema = (limits: JobLimits) =>
  z.strictObject({
    job: id(),
    /** False: it works with the defaults. */
    declared: z.boolean(),
    settings: createJobSettingsSchema(limits),
    load: load(),
    trainer: trainer().nullish(),
    committed_version: uint53().nullish(),
    /** Largest lag of a token in Results since the trainer's last report: its version, else the committed one, − the token's. */
    lag: uint53().nullish(),
    staleness: staleness().nullish(),
    /** T/LB and its kin of the stretch from no rollout in flight to none, under way or the last; `server/rollouts/summary.ts` has the formula. */
    ratio: double().nullish(),
    bound_error: double().nullish(),
    rho: double().nullish(),
    tail_share: double().nullish(),
  });

export const createJobsSchema = (limits: JobLimits) =>
  z.strictObject({ jobs: z.array(createJobSchema(limits)) });

/** Reply of `POST /v1/jobs/{job}/abort`. */
export const abortedJob = () => z.strictObject({ job: id(), aborted: uint32() });

export type WireJobSettings = z.infer<ReturnType<typeof createJobSettingsSchema>>;
export type WireJob = z.infer<ReturnType<typeof createJobSchema>>;
