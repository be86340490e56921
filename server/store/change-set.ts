/** What every Store takes in one commit, checked and encoded before it leaves its caller. */
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";
import type { Change } from "./store.ts";

export interface EncodedChange {
  readonly table: string;
  readonly key: string;
  /** JSON, or `null` to delete. */
  readonly json: string | null;
  readonly ifRevision?: number;
}

/**
 * Values become text at once, so that no caller shares an object with the store. A commit names a row
 * at most once: its conditions can then be checked before anything is written. Throws `internal`.
 */
export function encodeChanges(changes: readonly Change[]): EncodedChange[] {
  const named = new Set<string>();
  return changes.map(({ value, ...change }) => {
    const name = `${change.table}/${change.key}`;
    if (named.has(name)) throw new PacelineError("internal", `a commit names ${name} twice`);
    named.add(name);
    const json = value === undefined ? null : encodeValue(name, value);
    return { ...change, json };
  });
}

function encodeValue(name: string, value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new PacelineError("internal", `${name}: not a JSON value`);
  if (json.length > LIMITS.storeRowChars) {
    throw new PacelineError("internal", `${name}: a row of ${json.length} characters`);
  }
  return json;
}

/** Throws `conflict` unless the row has the revision that the change names (0 = does not exist). */
export function assertRevision(
  { table, key, ifRevision }: Pick<EncodedChange, "table" | "key" | "ifRevision">,
  revision: number,
): void {
  if (ifRevision === undefined || ifRevision === revision) return;
  throw new PacelineError(
    "conflict",
    `${table}/${key} is at revision ${revision}, not ${ifRevision}`,
    { details: { table, key, revision } },
  );
}
