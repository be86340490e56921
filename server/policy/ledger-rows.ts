/** The ledger's records in the store, each with the revision that its next change must name. */
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";
import type { Change, Row, Store } from "../store/store.ts";
import { MIN_PROOF } from "./declaration.ts";
import type { PolicyRecord, RunRecord, VersionRecord } from "./ledger.ts";
import { isUndecided } from "./version-states.ts";

const POLICIES = "policies";
const VERSIONS = "versions";
const RUNS = "runs";

interface Kept<T> {
  readonly record: T;
  readonly revision: number;
}

export interface PolicyEntry {
  /** `null` while the first declaration is being written. */
  policy: Kept<PolicyRecord> | null;
  readonly versions: Map<number, Kept<VersionRecord>>;
  /** Every run that is kept, by epoch: whose names are taken. */
  readonly runs: Map<number, RunRecord>;
}

export const emptyEntry = (): PolicyEntry => ({
  policy: null,
  versions: new Map(),
  runs: new Map(),
});

/** One durable step of one policy. */
export interface LedgerStep {
  readonly policy?: PolicyRecord;
  readonly run?: RunRecord;
  readonly versions?: readonly VersionRecord[];
  readonly forgotten?: readonly number[];
}

/** Ids hold no slash; padded so that rows sort by version, or by epoch. */
const numberedKey = (policy: string, number: number): string =>
  `${policy}/${String(number).padStart(16, "0")}`;

/** Loads all policies; versions whose commit had not happened are aborted (presumed abort). */
export async function loadEntries(store: Store): Promise<Map<string, PolicyEntry>> {
  const entries = new Map<string, PolicyEntry>();
  for (const { value, revision } of await store.list<PolicyRecord>(POLICIES)) {
    // A row that was written before there was a choice does not have the field.
    const record = { ...value, minProof: value.minProof ?? MIN_PROOF };
    entries.set(value.policy, { ...emptyEntry(), policy: { record, revision } });
  }
  for (const row of await store.list<VersionRecord>(VERSIONS)) {
    // A row that was written before there were runs does not have the field.
    const record = { ...row.value, runEpoch: row.value.runEpoch ?? null };
    entryOfRow(entries, row).versions.set(record.version, { record, revision: row.revision });
  }
  for (const row of await store.list<RunRecord>(RUNS)) {
    entryOfRow(entries, row).runs.set(row.value.epoch, row.value);
  }
  for (const entry of entries.values()) {
    const undecided = [...entry.versions.values()].filter(({ record }) =>
      isUndecided(record.state),
    );
    if (undecided.length === 0) continue;
    const versions = undecided.map(({ record }) => ({ ...record, state: "aborted" as const }));
    await writeStep(store, entry, { versions });
  }
  return entries;
}

function entryOfRow(
  entries: Map<string, PolicyEntry>,
  row: Row<VersionRecord | RunRecord>,
): PolicyEntry {
  const entry = entries.get(row.value.policy);
  if (entry) return entry;
  throw new PacelineError("store_unavailable", `the store has ${row.key} but not its policy`);
}

/** Durable when it resolves; only then does `entry` change. */
export async function writeStep(store: Store, entry: PolicyEntry, step: LedgerStep): Promise<void> {
  const { policy, run, versions = [], forgotten = [] } = step;
  const changes: Change[] = versions.map((record) => ({
    table: VERSIONS,
    key: numberedKey(record.policy, record.version),
    value: record,
    ifRevision: entry.versions.get(record.version)?.revision ?? 0,
  }));
  if (policy) {
    const ifRevision = entry.policy?.revision ?? 0;
    changes.push({ table: POLICIES, key: policy.policy, value: policy, ifRevision });
  }
  const oldest = run && entry.runs.size >= LIMITS.runsKept ? [...entry.runs.keys()][0] : undefined;
  if (run) changes.push({ table: RUNS, key: numberedKey(run.policy, run.epoch), value: run });
  if (run && oldest !== undefined) {
    changes.push({ table: RUNS, key: numberedKey(run.policy, oldest), value: undefined });
  }
  const name = policy?.policy ?? entry.policy?.record.policy ?? "";
  for (const version of forgotten) {
    changes.push({ table: VERSIONS, key: numberedKey(name, version), value: undefined });
  }
  await commit(store, changes);
  if (policy) entry.policy = { record: policy, revision: (entry.policy?.revision ?? 0) + 1 };
  for (const record of versions) {
    const revision = (entry.versions.get(record.version)?.revision ?? 0) + 1;
    entry.versions.set(record.version, { record, revision });
  }
  for (const version of forgotten) entry.versions.delete(version);
  if (run) entry.runs.set(run.epoch, run);
  if (oldest !== undefined) entry.runs.delete(oldest);
}

async function commit(store: Store, changes: readonly Change[]): Promise<void> {
  try {
    await store.commit(changes);
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (error.code !== "conflict") throw error;
    // Only this process writes these rows: another one took over, and what we know is old.
    throw new PacelineError("store_unavailable", "another server changed the ledger", {
      details: error.details,
      cause: error,
    });
  }
}
