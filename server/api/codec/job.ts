/** Jobs on the wire: settings, the trainer's report, what is told of a job. */
import { z } from "zod";
import { DEFAULT_JOB, type JobSettings, type TrainerReport } from "../../contract/job.ts";
import { id } from "../../contract/schema.ts";
import {
  createJobSettingsSchema,
  trainerReport,
  type WireJob,
  type WireJobSettings,
} from "../../contract/schema-job.ts";
import type { JobView } from "../../jobs/job-view.ts";
import { LIMITS } from "../../limits.ts";
import { check } from "./invalid.ts";

const SETTINGS = createJobSettingsSchema(LIMITS);
const REPORT = trainerReport();
const NAME = z.strictObject({ job: id() });

/** Throws `invalid_argument` for what cannot be a job's name. */
export const jobName = (name: unknown): string => check(NAME, { job: name }).job;

/** Body of `PUT /v1/jobs/{job}`, defaults in place. Throws `invalid_argument`. */
export function decodeJobSettings(body: unknown): JobSettings {
  const wire = check(SETTINGS, body);
  return {
    policy: wire.policy ?? null,
    batchGroups: wire.batch_groups ?? null,
    eta: wire.eta ?? null,
    onInfeasible: wire.on_infeasible ?? DEFAULT_JOB.onInfeasible,
    onUpdate: wire.on_update ?? null,
    updateGraceMs: wire.update_grace_ms ?? null,
    quota: {
      maxInFlight: wire.quota?.max_in_flight ?? null,
      maxRunning: wire.quota?.max_running ?? null,
    },
    weight: wire.weight ?? DEFAULT_JOB.weight,
    pools: wire.pools ?? [],
    mixedEngines: wire.mixed_engines ?? false,
    logprobModes: wire.logprob_modes ?? [],
    resume: wire.resume ?? null,
    overIssue: wire.over_issue ?? DEFAULT_JOB.overIssue,
    backfill: wire.backfill ?? DEFAULT_JOB.backfill,
  };
}

/** Body of `POST /v1/jobs/{job}/trainer`. Throws `invalid_argument`. */
export function decodeTrainerReport(body: unknown): TrainerReport {
  const { version, step, batch_groups, rejected_groups } = check(REPORT, body);
  return {
    version,
    step,
    batchGroups: batch_groups ?? null,
    rejectedGroups: rejected_groups ?? 0,
  };
}

export function encodeJob(view: JobView): WireJob {
  const { load, trainer, staleness } = view;
  return {
    job: view.job,
    declared: view.declared,
    settings: encodeSettings(view.settings),
    load: {
      in_flight: load.inFlight,
      held: load.held,
      waiting: load.waiting,
      running: load.running,
      finished: load.finished,
      aborted: load.aborted,
      failed: load.failed,
      output_tokens: load.outputTokens,
    },
    trainer: trainer && {
      version: trainer.version,
      step: trainer.step,
      batch_groups: trainer.batchGroups,
      rejected_groups: trainer.rejectedGroups,
      reported_at_ms: trainer.reportedAt,
    },
    committed_version: view.committedVersion,
    lag: view.lag,
    staleness: staleness && {
      limit: staleness.limit,
      admitted: staleness.admitted,
      held: staleness.held,
      waits_for_version: staleness.waitsForVersion,
    },
    ratio: view.distance.ratio,
    bound_error: view.distance.boundError,
    rho: view.distance.rho,
    tail_share: view.distance.tailShare,
  };
}

const encodeSettings = (settings: JobSettings): WireJobSettings => ({
  policy: settings.policy,
  batch_groups: settings.batchGroups,
  eta: settings.eta,
  on_infeasible: settings.onInfeasible,
  on_update: settings.onUpdate,
  update_grace_ms: settings.updateGraceMs,
  quota: { max_in_flight: settings.quota.maxInFlight, max_running: settings.quota.maxRunning },
  weight: settings.weight,
  pools: [...settings.pools],
  mixed_engines: settings.mixedEngines,
  logprob_modes: [...settings.logprobModes],
  resume: settings.resume,
  over_issue: settings.overIssue,
  backfill: settings.backfill,
});
