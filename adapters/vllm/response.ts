/**
 * From the stream of `/inference/v1/generate` to engine events. The finish is told once the stream is done, since usage
 * comes behind the last tokens; versions come with those, for all of the output, and not on any chunk before.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { FinishReason } from "../../server/contract/rollout.ts";
import { ascending, type IdRows, type SideChunk } from "../../server/contract/side-data.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineFinish, EngineRequest } from "../engine.ts";
import { ExpertsLift } from "../experts/experts-lift.ts";
import type { ReplyDecoder } from "../http/event-stream.ts";
import { SseCutter } from "../http/sse.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import { type Chunk, ChunkReader, type LabelRun } from "./chunk.ts";
import { broken, errorInStream } from "./errors.ts";
import { parseLabel } from "./label.ts";
import { engineId } from "./request.ts";
import { mostLikely } from "./top-rows.ts";

const reader = new ChunkReader();

/** `lift`: the server gives routed experts, with every reply. */
export function streamDecoder(
  request: EngineRequest,
  emit: (event: EngineEvent) => void,
  lift = false,
): ReplyDecoder {
  const given = request.outputTokenIds.length;
  const topLogprobs = request.side?.topLogprobs ?? 0;
  const wanted = { top: topLogprobs > 0, mask: request.side?.samplingMask === true };
  const id = engineId(request.requestId);
  const greedy = request.sampling.temperature <= 0;
  let at = given;
  let started = false;
  let last: number | null = null;
  let finish: Omit<EngineFinish, "cachedTokens"> | null = null;
  let cachedTokens = 0;
  /** As the server counted them: deltas carry no position, so only this tells of a chunk that was lost or came twice. */
  let counted: number | null = null;

  function take(chunk: Chunk): void {
    if (chunk.error !== null) throw errorInStream(chunk.error);
    if (chunk.requestId !== id) throw broken(`an answer to ${chunk.requestId}`);
    cachedTokens = chunk.cachedTokens ?? cachedTokens;
    counted = chunk.completionTokens ?? counted;
    if (chunk.ids.length > 0) {
      if (finish !== null) throw broken("tokens behind the finish");
      if (at + chunk.ids.length > request.sampling.maxNewTokens) {
        throw doubtful("more tokens than were asked for");
      }
      if (!started) emit({ type: "started", cachedTokens });
      started = true;
      emit(tokensOf(chunk));
      at += chunk.ids.length;
      last = chunk.ids.at(-1) as number;
    }
    if (chunk.finishReason === null) return;
    if (finish !== null) throw broken("a second finish");
    const reason = reasonOf(chunk, chunk.finishReason);
    finish = { type: "finished", reason, versions: runsOf(chunk.versions) };
  }

  function tokensOf(chunk: Chunk): EngineEvent {
    const { ids, logprobs, top, mask } = chunk;
    const tokens = { start: at, ids, logprobs, version: null, mixed: null };
    if (top === null && mask === null) return { type: "tokens", chunk: tokens };
    const side: SideChunk = {
      top: top && mostLikely(top, topLogprobs),
      // The likeliest of a greedy request may tie with others; it was not drawn from them.
      mask: mask && (greedy ? alone(ids) : ascending(mask)),
    };
    return { type: "tokens", chunk: tokens, side };
  }

  function reasonOf({ stopReason }: Chunk, told: string): FinishReason {
    switch (told) {
      case "stop":
        if (typeof stopReason === "string") throw broken("a stop string that nobody asked for");
        if (last === null) throw broken("a stop without a token");
        // An id that we did not name is one of the generation config's own: all but its first come as stop ids.
        return stopReason === null || !request.sampling.stopTokenIds.includes(stopReason)
          ? { type: "stop", cause: "eos", matched: last }
          : { type: "stop", cause: "stop_id", matched: stopReason };
      case "length":
        return {
          type: "length",
          cause: at >= request.sampling.maxNewTokens ? "max_new" : "context",
          matched: null,
        };
      case "abort":
        return { type: "abort", cause: "drain", matched: null };
      default:
        throw broken(`a finish reason ${told}`);
    }
  }

  function runsOf(runs: readonly LabelRun[] | null): EngineFinish["versions"] {
    if (runs === null) return null;
    return runs.map(({ version: label, start, end }) => ({
      version: versionOf(label, weightsPolicyOf(request)),
      start: start + given,
      end: end + given,
    }));
  }

  function end(): void {
    if (counted !== null && counted !== at - given) {
      throw doubtful(`${at - given} tokens where it counted ${counted}`);
    }
    // Servers that skip outputs without a token tell an abort by nothing but the end.
    const ended = finish ?? {
      type: "finished",
      reason: { type: "abort", cause: "drain", matched: null },
      versions: null,
    };
    emit({ ...ended, cachedTokens });
  }

  const experts = lift
    ? new ExpertsLift(
        {
          form: "npy",
          wanted: request.side?.routedExperts != null,
          ...{ pieceBytes: LIMITS.sidePieceBytes, mostBytes: LIMITS.sideBytes },
          buffer: request.buffer,
        },
        (bytes) => cutter.push(bytes),
        emit,
      )
    : null;
  const cutter = new SseCutter(
    {
      data: (bytes, from, to) => take(reader.read(bytes, from, to, wanted)),
      done: end,
    },
    LIMITS.engineReplyBytes,
  );
  return {
    push: (bytes) => (experts ?? cutter).push(bytes),
    get bulk() {
      return experts?.inside === true;
    },
    end() {
      experts?.end();
      cutter.end();
      if (!cutter.done) throw broken("its stream ended without [DONE]");
    },
  };
}

/** Deltas carry no position: which of them is missing or came twice nobody can say, so none can be kept. */
const doubtful = (what: string): PacelineError =>
  new PacelineError("engine_error", `vLLM sent ${what}`, { details: { doubtful: true } });

/** Of a label that names weights of `policy`. Throws `engine_error` marked `misversioned` for any other. */
export function versionOf(label: string, policy: string): number {
  const named = parseLabel(label);
  if (named?.policy === policy) return named.version;
  throw new PacelineError("engine_error", `tokens of ${label} where ${policy} was asked for`, {
    details: { misversioned: true, label },
  });
}

/** Each drawn from itself. */
function alone(ids: Uint32Array): IdRows {
  return { offsets: Uint32Array.from({ length: ids.length + 1 }, (_, at) => at), ids };
}
