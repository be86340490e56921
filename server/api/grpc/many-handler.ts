/**
 * GenerateMany: what is needed in the metadata, rollouts in as the caller sends them, endings out as they come. The caller's stream is
 * left unread while too many are unanswered, and HTTP/2's window holds the caller back.
 */
import { once } from "node:events";
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";
import { paceline } from "../../../proto/gen/paceline.js";
import { PacelineError } from "../../contract/errors.ts";
import type { Need } from "../../contract/need.ts";
import { manyNeed } from "../../contract/schema-many.ts";
import {
  type BulkParts,
  type Ending,
  type ManySummary,
  type OpenBulk,
  openBulk,
} from "../../rollouts/bulk.ts";
import { check } from "../codec/invalid.ts";
import { needFromWire, needToWire } from "../codec/many.ts";
import { decodeRollout, type Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { errorToProto, statusOf } from "./error-status.ts";
import { resultToProto } from "./result-message.ts";
import { decoded } from "./rollout-handlers.ts";
import { rolloutFromProto } from "./rollout-message.ts";
import { PARTIAL_FATE } from "./words.ts";

const { v1 } = paceline;

type Reply = paceline.v1.ManyReply.$Properties;
type Call = ServerDuplexStream<Buffer, Reply>;

/** Metadata of the call that holds a ManyNeed. */
const NEED_KEY = "paceline-need-bin";
const NEED = manyNeed();

export interface ManyHandlerOptions extends BulkParts {
  readonly mint: Mint;
  /** Told of every rollout's error, and of one that ends the call. */
  failed(error: PacelineError): void;
}

export function createManyHandler(
  options: ManyHandlerOptions,
): handleBidiStreamingCall<Buffer, Reply> {
  return async (call) => {
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    try {
      const bulk = openBulk(
        options,
        () => {
          if (bulk.room > 0) call.resume();
        },
        needOf(call),
      );
      read(call, bulk, options.mint);
      for await (const ending of bulk.endings(gone.signal)) {
        if ("error" in ending) options.failed(ending.error);
        if (!call.write(endingToProto(ending))) await once(call, "drain", { signal: gone.signal });
      }
      if (gone.signal.aborted) return;
      call.write({ summary: summaryToProto(bulk.summary()) });
      call.end();
    } catch (thrown) {
      if (gone.signal.aborted) return;
      call.emit("error", statusOf(thrown));
      options.failed(PacelineError.from(thrown));
    }
  };
}

function read(call: Call, bulk: OpenBulk, mint: Mint): void {
  call.on("data", (bytes: Buffer) => {
    let id = "";
    let job = "default";
    try {
      const message = v1.Rollout.decode(bytes);
      id = message.id ?? id;
      job = message.job ?? job;
      const around = { traceparent: traceparentOf(call.metadata.get("traceparent")[0]) };
      bulk.submit(decodeRollout(rolloutFromProto(message), mint, around).rollout);
    } catch (thrown) {
      bulk.refuse(id, job, refusalOf(thrown));
    }
    if (bulk.room <= 0) call.pause();
  });
  call.once("end", () => bulk.close());
}

const refusalOf = (thrown: unknown): PacelineError =>
  thrown instanceof PacelineError
    ? thrown
    : new PacelineError("invalid_argument", `the message cannot be decoded: ${String(thrown)}`, {
        details: { path: "" },
      });

function needOf({ metadata }: Call): Need | null {
  const [bytes] = metadata.get(NEED_KEY);
  if (bytes === undefined) return null;
  const { groups, members, partial } = decoded(() => v1.ManyNeed.decode(Buffer.from(bytes)));
  return needFromWire(check(NEED, { groups, members, partial: PARTIAL_FATE.word(partial) }));
}

function endingToProto(ending: Ending): Reply {
  if ("result" in ending) return { result: resultToProto(ending.result) };
  if ("keptTokens" in ending) {
    return { kept: { id: ending.id, job: ending.job, kept_tokens: ending.keptTokens } };
  }
  const { id, job, error } = ending;
  return { error: { id, job, error: errorToProto(error) } };
}

const summaryToProto = (summary: ManySummary): paceline.v1.ManySummary.$Properties => ({
  rollouts: summary.rollouts,
  finished: summary.finished,
  failed: summary.failed,
  output_tokens: summary.outputTokens,
  makespan_ms: summary.makespanMs,
  lower_bound_ms: summary.lowerBoundMs,
  ratio: summary.ratio,
  bound_error: summary.boundError,
  rho: summary.rho,
  tail_share: summary.tailShare,
  need: summary.need && {
    ...needToWire(summary.need),
    members: summary.need.members,
    lengths: summary.need.lengths,
  },
});
