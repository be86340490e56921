/** Jobs in the store: settings, the trainer's last report and what the staleness bound has counted. */
import { PacelineError } from "../contract/errors.ts";
import { DEFAULT_JOB, type JobSettings, type TrainerReport } from "../contract/job.ts";
import type { Store } from "../store/store.ts";
import type { StalenessCount } from "./staleness.ts";

const TABLE = "jobs";

export interface JobRow {
  readonly job: string;
  /** `null`: never declared. */
  readonly settings: JobSettings | null;
  readonly trainer: (TrainerReport & { readonly reportedAt: number }) | null;
  /** `null`: no bound was set when it was written. */
  readonly staleness: StalenessCount | null;
}

export interface StoredJob {
  readonly row: JobRow;
  readonly revision: number;
}

/** Throws `store_unavailable`. */
export async function loadJobs(store: Store): Promise<readonly StoredJob[]> {
  const rows = await store.list<JobRow>(TABLE);
  return rows.map(({ value, revision }) => ({
    // Settings that a later release added have their defaults.
    row: { ...value, settings: value.settings && { ...DEFAULT_JOB, ...value.settings } },
    revision,
  }));
}

/** Durable when it resolves. `revision`: of the row before, 0 for none. Throws `store_unavailable`. */
export async function writeJob(store: Store, row: JobRow, revision: number): Promise<StoredJob> {
  try {
    await store.commit([{ table: TABLE, key: row.job, value: row, ifRevision: revision }]);
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (error.code !== "conflict") throw error;
    // Only this process writes these rows: another one took over, and what we know is old.
    throw new PacelineError("store_unavailable", `another server changed job ${row.job}`, {
      details: error.details,
      cause: error,
    });
  }
  return { row, revision: revision + 1 };
}
