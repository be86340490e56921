/**
 * From frames to engine events, each checked before anyone sees it: aligned and finite (I1), no gap
 * and no overlap, versions that are integers, nothing after the finish.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { FinishCause, FinishType } from "../../server/contract/rollout.ts";
import { assertAligned } from "../../server/contract/tokens.ts";
import type { EngineEvent } from "../engine.ts";
import { errorFromBody } from "./errors.ts";
import type { FrameSink } from "./wire/frame-reader.ts";

const CAUSES: Readonly<Record<FinishType, readonly FinishCause[]>> = {
  stop: ["eos", "stop_id", "stop_string"],
  length: ["max_new", "context", "kv"],
  abort: ["client", "timeout", "need", "stale", "drain"],
};

/** Calls `emit` with each event; throws typed errors, the engine's own among them. */
export function eventSink(outputTokens: number, emit: (event: EngineEvent) => void): FrameSink {
  let expected = outputTokens;
  let started = false;
  return {
    started(cachedTokens) {
      if (started) throw broken("a second started frame");
      if (expected !== outputTokens) throw broken("a started frame after tokens");
      started = true;
      emit({ type: "started", cachedTokens });
    },
    tokens(start, ids, logprobs, version, mixed) {
      if (start !== expected) throw broken(`tokens from ${start} where ${expected} was due`);
      assertAligned(ids, logprobs);
      expected += ids.length;
      emit({ type: "tokens", chunk: { start, ids, logprobs, version, mixed } });
    },
    finished(body) {
      emit(finishOf(body));
    },
    error(body) {
      throw errorFromBody(body);
    },
  };
}

function finishOf(body: unknown): EngineEvent {
  if (typeof body !== "object" || body === null) throw broken("a finished frame that is no object");
  const { type, cause, matched, cached_tokens: cachedTokens } = body as Record<string, unknown>;
  if (!isReason(type, cause)) throw broken(`finished as ${String(type)}, ${String(cause)}`);
  if (!(matched === null || typeof matched === "number" || typeof matched === "string")) {
    throw broken("a finished frame without what matched");
  }
  if (typeof cachedTokens !== "number" || !Number.isSafeInteger(cachedTokens)) {
    throw broken("a finished frame without cached tokens");
  }
  const reason = { type: type as FinishType, cause: cause as FinishCause, matched };
  return { type: "finished", reason, cachedTokens, versions: null };
}

function isReason(type: unknown, cause: unknown): boolean {
  return (
    (type === "stop" || type === "length" || type === "abort") &&
    CAUSES[type].some((known) => known === cause)
  );
}

function broken(message: string): PacelineError {
  return new PacelineError("engine_error", `the engine broke its protocol: ${message}`);
}
