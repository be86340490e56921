/**
 * The thread that owns the SQLite file, because SQLite's calls and their fsync block. All commits that
 * wait when it becomes free share one transaction, so the cost of an fsync is shared as load grows.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { PacelineError } from "../contract/errors.ts";
import type { ThreadReply, ThreadRequest } from "../worker-thread.ts";
import type { EncodedChange } from "./change-set.ts";
import type { SqliteCall, SqliteFile } from "./sqlite-calls.ts";
import {
  type CommitOutcome,
  openSqliteFile,
  type SqliteTables,
  unavailable,
} from "./sqlite-file.ts";

const port = parentPort;
if (port === null) throw new Error("sqlite-thread.ts runs as a worker thread only");
const settings = workerData as SqliteFile;
let tables: SqliteTables | null = null;

port.on("message", (first: ThreadRequest<SqliteCall>) => {
  const waiting = [first];
  for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port)) {
    waiting.push(more.message as ThreadRequest<SqliteCall>);
  }
  // Commits first: whoever reads at the same time may see either state, but only durable ones.
  serveCommits(waiting);
  for (const request of waiting) if (request.call.type !== "commit") serve(request);
});

function serveCommits(waiting: readonly ThreadRequest<SqliteCall>[]): void {
  const ids: number[] = [];
  const group: (readonly EncodedChange[])[] = [];
  for (const { id, call } of waiting) {
    if (call.type !== "commit") continue;
    ids.push(id);
    group.push(call.changes);
  }
  if (ids.length === 0) return;
  let outcomes: readonly CommitOutcome[];
  try {
    outcomes = opened().commit(group);
  } catch (thrown) {
    // The group was rolled back: nobody in it may believe otherwise.
    const error = unavailable(settings.file, thrown);
    outcomes = ids.map(() => error);
  }
  ids.forEach((id, i) => {
    reply(id, null, outcomes[i] ?? null);
  });
}

function serve({ id, call }: ThreadRequest<SqliteCall>): void {
  try {
    reply(id, perform(call), null);
  } catch (thrown) {
    const known = thrown instanceof PacelineError;
    reply(id, null, known ? thrown : unavailable(settings.file, thrown));
  }
}

function perform(call: SqliteCall): unknown {
  switch (call.type) {
    case "open":
      tables = openSqliteFile(settings);
      return null;
    case "read":
      return opened().read(call.table, call.key);
    case "list":
      return opened().list(call.table);
    case "close":
      tables?.close();
      tables = null;
      return null;
    case "commit":
      throw new Error("commits are served as a group");
  }
}

function opened(): SqliteTables {
  if (tables === null) throw new Error("not open");
  return tables;
}

function reply(id: number, value: unknown, error: CommitOutcome): void {
  const message: ThreadReply =
    error === null
      ? { id, value }
      : { id, error: { code: error.code, message: error.message, details: error.details } };
  port?.postMessage(message);
}
