/**
 * From frames to engine events, each checked before anyone sees it: no gap and no overlap, one start, a
 * finish that is one. The reader has checked alignment (I1) and versions.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { FinishCause, FinishType } from "../../server/contract/rollout.ts";
import type { ExpertsHead } from "../../server/contract/routed-experts.ts";
import { assertPromptLogprobs } from "../../server/contract/side-data.ts";
import type { EngineEvent, EngineFinish, EngineRequest } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { errorFromBody } from "./errors.ts";
import type { FrameSink } from "./wire/frame-reader.ts";

const CAUSES: Readonly<Record<FinishType, readonly FinishCause[]>> = {
  stop: ["eos", "stop_id", "stop_string"],
  length: ["max_new", "context", "kv"],
  abort: ["client", "timeout", "need", "stale", "drain"],
};

/** What a reply must go on from and reach. */
export type Expected = Pick<EngineRequest, "promptTokenIds" | "outputTokenIds" | "side" | "buffer">;

/** Calls `emit` with each event; throws typed errors, the engine's own among them. */
export function eventSink(request: Expected, emit: (event: EngineEvent) => void): FrameSink {
  const outputTokens = request.outputTokenIds.length;
  const scores = promptSink(request, emit);
  let expected = outputTokens;
  let started = false;
  let told: ExpertsHead | null = null;
  return {
    started(cachedTokens) {
      if (started) throw broken("a second started frame");
      if (expected !== outputTokens) throw broken("a started frame after tokens");
      started = true;
      emit({ type: "started", cachedTokens });
    },
    tokens(start, ids, logprobs, version, mixed, side) {
      if (scores !== null) scores.end();
      if (start !== expected) throw broken(`tokens from ${start} where ${expected} was due`);
      expected += ids.length;
      const chunk = { start, ids, logprobs, version, mixed };
      emit(side === undefined ? { type: "tokens", chunk } : { type: "tokens", chunk, side });
    },
    prompt(start, logprobs, version) {
      if (scores === null) throw broken("prompt logprobs that nobody asked for");
      if (!started || expected !== outputTokens) throw broken("prompt logprobs out of turn");
      scores.take(start, logprobs, version);
    },
    experts(head, bytes) {
      if (request.side?.routedExperts == null) {
        throw broken("routed experts that nobody asked for");
      }
      if (!isSame(told ?? head, head)) throw broken("routed experts of two shapes");
      if (told === null) emit({ type: "experts_head", head });
      told = head;
      const memory = request.buffer?.(bytes.length) ?? new Uint8Array(bytes.length);
      memory.set(bytes);
      emit({ type: "experts", bytes: memory.subarray(0, bytes.length) });
    },
    finished(body) {
      const finish = finishOf(body);
      if (scores !== null && finish.reason.type !== "abort") scores.end();
      emit(finish);
    },
    error(body) {
      throw errorFromBody(body);
    },
  };
}

const isSame = (a: ExpertsHead, b: ExpertsHead): boolean =>
  a.dtype === b.dtype && a.row?.join() === b.row?.join();

/** Joins the frames of a prompt's logprobs; `null` where none are wanted. */
function promptSink({ promptTokenIds, side }: Expected, emit: (event: EngineEvent) => void) {
  const wanted = side?.promptLogprobs ?? null;
  if (wanted === null) return null;
  const { start } = wanted;
  const all = new Float32Array(promptTokenIds.length - start);
  let seen = 0;
  let made: number | null = null;
  return {
    take(from: number, logprobs: Float32Array, version: number): void {
      if (from !== start + seen || seen + logprobs.length > all.length) {
        throw broken(`prompt logprobs from ${from} where ${start + seen} was due`);
      }
      if (made !== null && made !== version) throw broken("prompt logprobs of two versions");
      made = version;
      all.set(logprobs, seen);
      seen += logprobs.length;
      if (seen < all.length) return;
      const prompt = { start, logprobs: all, version };
      assertPromptLogprobs(prompt, promptTokenIds.length);
      emit({ type: "prompt", prompt });
    },
    /** Throws `misaligned` if any are missing. */
    end(): void {
      if (seen === all.length) return;
      throw new PacelineError("misaligned", `${seen} of ${all.length} prompt logprobs`);
    },
  };
}

function finishOf(body: unknown): EngineFinish {
  if (typeof body !== "object" || body === null) throw broken("a finished frame that is no object");
  const { type, cause, matched, cached_tokens: cachedTokens } = body as Record<string, unknown>;
  if (!isReason(type, cause)) throw broken(`finished as ${shown(type)}, ${shown(cause)}`);
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
