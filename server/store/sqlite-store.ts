/** The default Store: one SQLite file, owned by one worker thread (`sqlite-thread.ts`). */
import { Worker } from "node:worker_threads";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";
import { encodeChanges } from "./change-set.ts";
import type {
  SqliteCall,
  SqliteFile,
  SqliteReply,
  SqliteRequest,
  Synchronous,
} from "./sqlite-calls.ts";
import type { Row, Store } from "./store.ts";

export interface SqliteStoreOptions {
  readonly clock: Clock;
  /** Default `full`. */
  readonly synchronous?: Synchronous;
  /** Milliseconds after which a silent thread (a hung disk) fails the store; default 30,000. */
  readonly answerMs?: number;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: PacelineError): void;
}

/**
 * Opens or creates `file` and its folder. Throws `store_unavailable`: locked by another server,
 * read-only, corrupt, another program's database, or written by a newer release.
 */
export async function openSqliteStore(file: string, options: SqliteStoreOptions): Promise<Store> {
  const thread = connect({ file, synchronous: options.synchronous ?? "full" }, options);
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

/** The thread as a function that answers each call, or fails for good. */
function connect(workerData: SqliteFile, { clock, answerMs = 30_000 }: SqliteStoreOptions) {
  const worker = new Worker(new URL("./sqlite-thread.ts", import.meta.url), { workerData });
  // A store alone does not keep the process alive; an unanswered call does.
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let failure: PacelineError | null = null;

  const settle = (id: number): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return found;
  };
  // What waits was perhaps written, perhaps not: only a restart tells, so nothing may go on from here.
  const fail = (message: string): void => {
    failure ??= new PacelineError("store_unavailable", `store ${workerData.file}: ${message}`);
    for (const id of [...waiting.keys()]) settle(id)?.reject(failure);
  };
  worker.on("message", ({ id, value, error }: SqliteReply) => {
    const found = settle(id);
    if (error)
      found?.reject(new PacelineError(error.code, error.message, { details: error.details }));
    else found?.resolve(value);
  });
  worker.on("error", (error: Error) => fail(`its thread failed: ${error.message}`));
  worker.on("exit", () => fail("closed"));

  async function call(body: SqliteCall): Promise<unknown> {
    if (failure !== null) throw failure;
    if (waiting.size >= LIMITS.storeCallsWaiting) {
      throw new PacelineError("store_unavailable", `${waiting.size} calls wait for the store`);
    }
    const id = ++lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
    worker.ref();
    worker.postMessage({ id, call: body } satisfies SqliteRequest);
    const timer = clock.timer(answerMs, () => {
      fail(`no answer within ${answerMs} ms; what waited may or may not be written`);
      void worker.terminate();
    });
    try {
      return await answer;
    } finally {
      timer.cancel();
    }
  }

  return {
    call,
    async end(): Promise<void> {
      failure ??= new PacelineError("store_unavailable", `store ${workerData.file}: closed`);
      await worker.terminate();
    },
  };
}
