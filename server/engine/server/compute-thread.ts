/** The HTTP thread's handle on the compute thread: messages there and back, calls as promises. */
import { Worker } from "node:worker_threads";
import { type ErrorBody, PacelineError } from "../../contract/errors.ts";
import type { CoreInfo } from "../core.ts";
import type {
  ComputeAnswer,
  ComputeCall,
  ComputeData,
  FromCompute,
  ToCompute,
} from "./messages.ts";
import type { CoreOptions } from "./options.ts";

export interface ComputeThread {
  readonly info: CoreInfo;
  send(message: ToCompute): void;
  call(body: ComputeCall): Promise<ComputeAnswer>;
  close(): Promise<void>;
}

export interface ComputeListener {
  /** `bytes` and what `records` says of them, valid for good. */
  batch(bytes: ArrayBuffer, records: readonly number[]): void;
  refused(handle: number, error: ErrorBody): void;
  /** The thread is gone without having been closed. */
  crashed(error: Error): void;
}

interface Waiting {
  resolve(answer: ComputeAnswer): void;
  reject(error: PacelineError): void;
}

/** Resolves when the core is ready; rejects with what kept it from being so. */
export function startComputeThread(
  options: CoreOptions,
  listener: ComputeListener,
): Promise<ComputeThread> {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ComputeData = { options, taken };
  const worker = new Worker(new URL("./compute.ts", import.meta.url), { workerData });
  const calls = new Map<number, Waiting>();
  let lastCall = 0;
  let closing = false;
  let failure: Error | null = null;

  const thread = (info: CoreInfo): ComputeThread => ({
    info,
    send: (message) => worker.postMessage(message),
    call: (body) =>
      new Promise((resolve, reject) => {
        const call = ++lastCall;
        calls.set(call, { resolve, reject });
        worker.postMessage({ type: "call", call, body } satisfies ToCompute);
      }),
    async close() {
      closing = true;
      await worker.terminate();
    },
  });

  function settle(call: number): Waiting {
    const waiting = calls.get(call);
    if (waiting === undefined) throw new PacelineError("internal", `no call ${call} waits`);
    calls.delete(call);
    return waiting;
  }

  return new Promise((resolve, reject) => {
    let ready = false;
    worker.on("message", (message: FromCompute) => {
      switch (message.type) {
        case "batch":
          Atomics.add(taken, 0, 1);
          Atomics.notify(taken, 0);
          return listener.batch(message.bytes, message.records);
        case "answer":
          return settle(message.call).resolve(message.answer);
        case "call_failed":
          return settle(message.call).reject(fromBody(message.error));
        case "refused":
          return listener.refused(message.handle, message.error);
        case "ready":
          ready = true;
          return resolve(thread(message.info));
        case "failed":
          closing = true;
          return reject(fromBody(message.error));
      }
    });
    worker.on("error", (error: Error) => {
      failure = error;
    });
    worker.on("exit", (code) => {
      if (closing) return;
      const error = failure ?? new Error(`the compute thread ended with code ${code}`);
      if (ready) listener.crashed(error);
      else reject(error);
    });
  });
}

function fromBody(body: ErrorBody): PacelineError {
  return new PacelineError(body.code, body.message, { details: body.details });
}
