/** Contradictions within a job's settings, and between a trainer's report and the ledger. */
import { PacelineError } from "../contract/errors.ts";
import type { JobSettings, TrainerReport } from "../contract/job.ts";
import type { PolicyRecord } from "../policy/ledger.ts";

/** Throws `invalid_argument` with `details.path`. */
export function assertSettings(settings: JobSettings): void {
  const { eta, batchGroups, quota, pools } = settings;
  if (eta !== null && batchGroups === null) {
    throw invalid(
      "batch_groups",
      "eta bounds groups by the batches of the trainer's steps: say how many groups one takes",
    );
  }
  const { maxInFlight, maxRunning } = quota;
  if (maxInFlight !== null && maxRunning !== null && maxRunning > maxInFlight) {
    throw invalid(
      "quota.max_running",
      `${maxRunning} cannot run where ${maxInFlight} are in flight at most`,
    );
  }
  const twice = pools.findIndex((pool, at) => pools.indexOf(pool) !== at);
  if (twice >= 0) throw invalid(`pools[${twice}]`, `${pools[twice]} is there already`);
}

/** Throws `invalid_argument` with `details.path`. */
export function assertReport(report: TrainerReport, policy: PolicyRecord): void {
  if (report.version <= policy.lastVersion) return;
  throw invalid(
    "version",
    `${policy.policy} has no version ${report.version}, its newest is ${policy.lastVersion}: say the number that publishing answered, not the step`,
  );
}

const invalid = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", `${path}: ${message}`, { details: { path } });
