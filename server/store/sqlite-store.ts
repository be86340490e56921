/** The default Store: one SQLite file, owned by one worker thread (`sqlite-thread.ts`). */
import type { Clock } from "../contract/clock.ts";
import { connectThread } from "../worker-thread.ts";
import { encodeChanges } from "./change-set.ts";
import type { SqliteCall, SqliteFile, Synchronous } from "./sqlite-calls.ts";
import type { Row, Store } from "./store.ts";

export interface SqliteStoreOptions {
  readonly clock: Clock;
  /** Default `full`. */
  readonly synchronous?: Synchronous;
  /** Milliseconds after which a silent thread (a hung disk) fails the store; default 30,000. */
  readonly answerMs?: number;
}

/**
 * Opens or creates `file` and its folder. Throws `store_unavailable`: locked by another server,
 * read-only, corrupt, another program's database, or written by a newer release.
 */
export async function openSqliteStore(file: string, options: SqliteStoreOptions): Promise<Store> {
  const settings: SqliteFile = { file, synchronous: options.synchronous ?? "full" };
  const thread = connectThread<SqliteCall>(
    new URL("./sqlite-thread.ts", import.meta.url),
    settings,
    { name: `store ${file}`, ...options },
  );
  try {
    await thread.call({ type: "open" });
  } catch (thrown) {
    await thread.end();
    throw thrown;
  }
  let closing: Promise<void> | null = null;
  return {
    read: async <T>(table: string, key: string) =>
      (await thread.call({ type: "read", table, key })) as Row<T> | null,
    list: async <T>(table: string) =>
      (await thread.call({ type: "list", table })) as readonly Row<T>[],
    async commit(changes) {
      await thread.call({ type: "commit", changes: encodeChanges(changes) });
    },
    close() {
      closing ??= thread
        .call({ type: "close" })
        .finally(() => thread.end())
        .then(() => {});
      return closing;
    },
  };
}
