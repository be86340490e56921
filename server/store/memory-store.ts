/** A Store that keeps nothing beyond the process: for tests, and where nothing has to survive. */
import { PacelineError } from "../contract/errors.ts";
import { assertRevision, encodeChanges } from "./change-set.ts";
import type { Row, Store } from "./store.ts";

interface StoredRow {
  readonly json: string;
  readonly revision: number;
}

export function createMemoryStore(): Store {
  const tables = new Map<string, Map<string, StoredRow>>();
  let closed = false;

  const rowsOf = (table: string): Map<string, StoredRow> => {
    if (closed) throw new PacelineError("store_unavailable", "the store is closed");
    const found = tables.get(table);
    if (found) return found;
    const rows = new Map<string, StoredRow>();
    tables.set(table, rows);
    return rows;
  };
  const decode = <T>(key: string, { json, revision }: StoredRow): Row<T> => ({
    key,
    value: JSON.parse(json),
    revision,
  });

  return {
    async read<T>(table: string, key: string) {
      const stored = rowsOf(table).get(key);
      return stored ? decode<T>(key, stored) : null;
    },
    async list<T>(table: string) {
      // By bytes, as SQLite orders text; UTF-16 would order some characters otherwise.
      const rows = [...rowsOf(table)].sort(([a], [b]) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      );
      return rows.map(([key, stored]) => decode<T>(key, stored));
    },
    async commit(given) {
      const changes = encodeChanges(given);
      const revisionOf = (table: string, key: string) => rowsOf(table).get(key)?.revision ?? 0;
      for (const change of changes) assertRevision(change, revisionOf(change.table, change.key));
      for (const { table, key, json } of changes) {
        if (json === null) rowsOf(table).delete(key);
        else rowsOf(table).set(key, { json, revision: revisionOf(table, key) + 1 });
      }
    },
    async close() {
      closed = true;
    },
  };
}
