/**
 * One SQLite file as tables of rows, synchronous: opened by exactly one server at a time, its schema
 * versioned, its commits grouped. Runs in the store's thread.
 */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { PacelineError } from "../contract/errors.ts";
import { assertRevision, type EncodedChange } from "./change-set.ts";
import type { SqliteFile } from "./sqlite-calls.ts";
import type { Row } from "./store.ts";

/** Raised with each change of the schema; a newer file is refused, an older one would be migrated here. */
const SCHEMA_VERSION = 1;
/** SQLite's `application_id`: "PcLn". Keeps us from writing into somebody else's database. */
const APPLICATION_ID = 0x50634c6e;

export type CommitOutcome = PacelineError | null;

export interface SqliteTables {
  read(table: string, key: string): Row<unknown> | null;
  list(table: string): Row<unknown>[];
  /** One transaction for all, each commit with its own outcome. Throws if the group could not be written. */
  commit(group: readonly (readonly EncodedChange[])[]): CommitOutcome[];
  close(): void;
}

/** Throws `store_unavailable`, saying what is wrong with the file. */
export function openSqliteFile({ file, synchronous }: SqliteFile): SqliteTables {
  try {
    mkdirSync(dirname(resolve(file)), { recursive: true });
    const db = new DatabaseSync(file, { timeout: 0 });
    try {
      prepare(db, synchronous);
      return tablesOf(db);
    } catch (thrown) {
      db.close();
      throw thrown;
    }
  } catch (thrown) {
    throw unavailable(file, thrown);
  }
}

function prepare(db: DatabaseSync, synchronous: SqliteFile["synchronous"]): void {
  // One server a file: the lock is held for as long as the store is open, and dies with the process.
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
  db.exec("BEGIN EXCLUSIVE");
  const schema = pragma(db, "user_version");
  const owner = pragma(db, "application_id");
  const anything = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
  if (owner !== APPLICATION_ID && (owner !== 0 || anything)) {
    throw new Error("another program's database");
  }
  if (schema > SCHEMA_VERSION) {
    throw new Error(`written by a newer release (schema ${schema}, this one: ${SCHEMA_VERSION})`);
  }
  const damage = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (damage !== "ok") throw new Error(`corrupt: ${damage}`);
  db.exec(`CREATE TABLE IF NOT EXISTS rows (
    tab TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (tab, key)) STRICT, WITHOUT ROWID`);
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID}`);
  db.exec("COMMIT");
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

const toRow = (row: Record<string, SQLOutputValue>): Row<unknown> => ({
  key: String(row["key"]),
  value: JSON.parse(String(row["json"])),
  revision: Number(row["revision"]),
});

function tablesOf(db: DatabaseSync): SqliteTables {
  const one = db.prepare("SELECT key, json, revision FROM rows WHERE tab = ? AND key = ?");
  const all = db.prepare("SELECT key, json, revision FROM rows WHERE tab = ? ORDER BY key");
  const put = db.prepare(`INSERT INTO rows (tab, key, revision, json) VALUES (?, ?, 1, ?)
    ON CONFLICT (tab, key) DO UPDATE SET json = excluded.json, revision = revision + 1`);
  const drop = db.prepare("DELETE FROM rows WHERE tab = ? AND key = ?");
  const read = (table: string, key: string): Row<unknown> | null => {
    const found = one.get(table, key);
    return found ? toRow(found) : null;
  };

  /** Nothing is written unless every condition holds; the caller's transaction does the rest. */
  function apply(changes: readonly EncodedChange[]): CommitOutcome {
    try {
      for (const change of changes) {
        assertRevision(change, read(change.table, change.key)?.revision ?? 0);
      }
    } catch (thrown) {
      if (thrown instanceof PacelineError) return thrown;
      throw thrown;
    }
    for (const { table, key, json } of changes) {
      if (json === null) drop.run(table, key);
      else put.run(table, key, json);
    }
    return null;
  }

  return {
    read,
    list: (table) => all.all(table).map(toRow),
    commit(group) {
      db.exec("BEGIN IMMEDIATE");
      try {
        const outcomes = group.map(apply);
        db.exec("COMMIT");
        return outcomes;
      } catch (thrown) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw thrown;
      }
    },
    close: () => db.close(),
  };
}

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html), in words an operator can act on. */
const CAUSES: ReadonlyMap<number, string> = new Map([
  [5, "is locked: another server has it open"],
  [6, "is locked: another server has it open"],
  [8, "is read-only"],
  [10, "cannot be read or written (I/O error)"],
  [11, "is corrupt"],
  [13, "cannot grow: the disk is full"],
  [14, "cannot be opened"],
  [26, "is not a SQLite database"],
]);

export function unavailable(file: string, thrown: unknown): PacelineError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "errcode" in thrown ? Number(thrown.errcode) : 0;
  // Extended codes carry the primary one in their low byte.
  const cause = CAUSES.get(code & 0xff);
  const told = cause === undefined ? `: ${message}` : ` ${cause} (${message})`;
  return new PacelineError("store_unavailable", `store ${file}${told}`, {
    details: { file },
    cause: thrown,
  });
}
