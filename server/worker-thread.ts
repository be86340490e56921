/** A worker thread as a function that answers each call, or fails for good: for those whose work blocks (SQLite, fsync). */
import { Worker } from "node:worker_threads";
import type { Clock } from "./contract/clock.ts";
import { type ErrorCode, PacelineError } from "./contract/errors.ts";
import { LIMITS } from "./limits.ts";

export interface ThreadRequest<Call> {
  readonly id: number;
  readonly call: Call;
}

export interface ThreadReply<Value = unknown> {
  readonly id: number;
  readonly value?: Value;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: Record<string, unknown>;
  };
}

export interface ThreadOptions {
  /** As errors name it. */
  readonly name: string;
  readonly clock: Clock;
  /** Milliseconds after which a silent thread (a hung disk) fails for good; default 30,000. */
  readonly answerMs?: number;
}

export interface ThreadCalls<Call, Value> {
  /** What is in `transfer` is the thread's from here on. Throws what the thread answered, or `store_unavailable`. */
  call(call: Call, transfer?: ArrayBuffer[]): Promise<Value>;
  end(): Promise<void>;
}

interface Waiting<Value> {
  resolve(value: Value): void;
  reject(error: PacelineError): void;
}

/** `module` answers each `ThreadRequest` with a `ThreadReply` of its id. */
export function connectThread<Call, Value = unknown>(
  module: URL,
  workerData: object,
  { name, clock, answerMs = 30_000 }: ThreadOptions,
): ThreadCalls<Call, Value> {
  const worker = new Worker(module, { workerData });
  // It alone does not keep the process alive; an unanswered call does.
  worker.unref();
  const waiting = new Map<number, Waiting<Value>>();
  let lastId = 0;
  let failure: PacelineError | null = null;

  const settle = (id: number): Waiting<Value> | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return found;
  };
  const failed = (message: string): PacelineError =>
    new PacelineError("store_unavailable", `${name}: ${message}`);
  // What waits was perhaps written, perhaps not: only a restart tells, so nothing may go on from here.
  const fail = (message: string): void => {
    failure ??= failed(message);
    for (const id of [...waiting.keys()]) settle(id)?.reject(failure);
  };
  worker.on("message", ({ id, value, error }: ThreadReply<Value>) => {
    const found = settle(id);
    if (error === undefined) found?.resolve(value as Value);
    else {
      const { code, message, details = {} } = error;
      found?.reject(new PacelineError(code, message, { details }));
    }
  });
  worker.on("error", (error: Error) => fail(`its thread failed: ${error.message}`));
  worker.on("exit", () => fail("closed"));

  return {
    async call(call, transfer = []) {
      if (failure !== null) throw failure;
      if (waiting.size >= LIMITS.storeCallsWaiting) throw failed(`${waiting.size} calls wait`);
      const id = ++lastId;
      const { promise, resolve, reject } = Promise.withResolvers<Value>();
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, call } satisfies ThreadRequest<Call>, transfer);
      const timer = clock.timer(answerMs, () => {
        fail(`no answer within ${answerMs} ms; what waited may or may not be written`);
        void worker.terminate();
      });
      try {
        return await promise;
      } finally {
        timer.cancel();
      }
    },
    async end() {
      failure ??= failed("closed");
      await worker.terminate();
    },
  };
}
