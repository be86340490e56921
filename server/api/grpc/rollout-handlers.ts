/**
 * RolloutService over gRPC. A unary caller that cancels, or whose deadline passes, ends its rollout; a
 * stream's caller only detaches. Bodies pass the same checks as over HTTP.
 */
import { once } from "node:events";
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from "@grpc/grpc-js";
import { paceline } from "../../../proto/gen/paceline.js";
import { PacelineError } from "../../contract/errors.ts";
import { rolloutRef } from "../../contract/schema-rollout.ts";
import type { RolloutHandle, RolloutService } from "../../rollouts/service.ts";
import { check, invalid } from "../codec/invalid.ts";
import { decodeRollout, type Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { statusOf } from "./error-status.ts";
import { eventToProto, progressToProto } from "./event-message.ts";
import { resultToProto } from "./result-message.ts";
import { rolloutFromProto } from "./rollout-message.ts";

const { v1 } = paceline;

export interface RolloutHandlerOptions {
  readonly rollouts: Pick<RolloutService, "submit" | "get" | "abort">;
  readonly mint: Mint;
  /** Told of every error that a call ends in, after the call is answered. */
  failed(error: PacelineError): void;
}

type Unary<Reply> = handleUnaryCall<Buffer, Reply>;

export function createRolloutHandlers({ rollouts, mint, failed }: RolloutHandlerOptions) {
  const submit = (bytes: Buffer, metadata: Metadata): RolloutHandle => {
    const body = rolloutFromProto(decoded(() => v1.Rollout.decode(bytes)));
    const traceparent = traceparentOf(metadata.get("traceparent")[0]);
    return rollouts.submit(decodeRollout(body, mint, { traceparent }).rollout);
  };

  const Generate: Unary<paceline.v1.Result.$Properties> = (call, callback) =>
    answer(call, callback, failed, async () => {
      const handle = submit(call.request, call.metadata);
      const leave = handle.attach("unary");
      try {
        // A call cancelled before its message was read has no event left to tell.
        if (call.cancelled) leave();
        else call.once("cancelled", leave);
        return resultToProto(await handle.result());
      } finally {
        leave();
      }
    });

  const GenerateStream: handleServerStreamingCall<Buffer, paceline.v1.Event.$Properties> = async (
    call,
  ) => {
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    try {
      const handle = submit(call.request, call.metadata);
      const leave = handle.attach("stream");
      if (call.cancelled) gone.abort();
      try {
        await streamEvents(handle, call, gone.signal);
      } finally {
        leave();
      }
      call.end();
    } catch (thrown) {
      // Nobody is there to be told, and the wait that was cut short is not an error.
      if (gone.signal.aborted) return;
      call.emit("error", statusOf(thrown));
      failed(PacelineError.from(thrown));
    }
  };

  const Get: Unary<paceline.v1.RolloutState.$Properties> = (call, callback) =>
    answer(call, callback, failed, async () => {
      const { job, id, timeline } = refOf(call.request);
      const handle = rollouts.get(job, id);
      if (timeline) return { progress: progressToProto(handle.progress(), handle.moments()) };
      const progress = handle.progress();
      return progress.state === "finished"
        ? { result: resultToProto(await handle.result()) }
        : { progress: progressToProto(progress) };
    });

  const Abort: Unary<paceline.v1.Result.$Properties> = (call, callback) =>
    answer(call, callback, failed, async () => {
      const { job, id } = refOf(call.request);
      return resultToProto(await rollouts.abort(job, id, "client"));
    });

  return { Generate, GenerateStream, Get, Abort };
}

export async function answer<Reply>(
  call: ServerUnaryCall<Buffer, Reply>,
  callback: sendUnaryData<Reply>,
  failed: RolloutHandlerOptions["failed"],
  reply: () => Promise<Reply>,
): Promise<void> {
  try {
    callback(null, await reply());
  } catch (thrown) {
    callback(statusOf(thrown));
    if (!call.cancelled) failed(PacelineError.from(thrown));
  }
}

/** Writes at the reader's pace. Throws the error that ended the rollout, or when `signal` aborts. */
async function streamEvents(
  handle: RolloutHandle,
  call: ServerWritableStream<Buffer, paceline.v1.Event.$Properties>,
  signal: AbortSignal,
): Promise<void> {
  for await (const batch of handle.events(0, signal)) {
    for (const { seq, event } of batch) {
      if (event.type === "error") throw event.error;
      if (signal.aborted) return;
      if (!call.write(eventToProto(seq, event))) await once(call, "drain", { signal });
    }
  }
}

export function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw invalid("", `the message cannot be decoded: ${String(cause)}`);
  }
}

const REF = rolloutRef();

function refOf(bytes: Buffer): { job: string; id: string; timeline: boolean } {
  const message = decoded(() => v1.RolloutRef.decode(bytes));
  const { id, job, timeline } = check(REF, {
    id: message.id,
    job: message.job,
    timeline: message.timeline,
  });
  return { id, job: job ?? "default", timeline: timeline ?? false };
}
