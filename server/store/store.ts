/**
 * The small state that must survive or be shared: ledger, commits, jobs. Never token arrays. Rows are
 * JSON values under (table, key), each with a revision that a conditional change can name.
 */
export interface Row<T> {
  readonly key: string;
  readonly value: T;
  /** Starts at 1, grows by 1 at each put. */
  readonly revision: number;
}

export interface Change {
  readonly table: string;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: unknown;
  /** The revision that the row must have (0 = must not exist); absent = whatever it has. */
  readonly ifRevision?: number;
}

export interface Store {
  read<T>(table: string, key: string): Promise<Row<T> | null>;
  /** In key order. */
  list<T>(table: string): Promise<readonly Row<T>[]>;
  /**
   * All or nothing, durable when it resolves (as durable as the store's fsync setting says). Throws
   * `conflict` if a condition does not hold, `store_unavailable` if it could not be written.
   */
  commit(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}
