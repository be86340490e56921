/**
 * One event of `trtllm-serve`'s `/v1/completions` stream:
 *
 *     {"id", "object", "created", "model", "choices": [{"index", "text", "token_ids": [deltas] | null,
 *      "logprobs": {"text_offset", "token_logprobs": [deltas], "tokens", "top_logprobs"} | null, "finish_reason",
 *      "stop_reason"}], "usage": null | {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details"}}
 */

import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { Chunk, ChunkWire } from "../completions/response.ts";
import { shown } from "../http/shown.ts";

interface Choice {
  readonly token_ids?: unknown;
  readonly logprobs?: { readonly token_logprobs?: unknown } | null;
  readonly finish_reason?: unknown;
  readonly stop_reason?: unknown;
}

interface Usage {
  readonly completion_tokens?: unknown;
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null;
}

export const TRTLLM_CHUNKS: ChunkWire = {
  engine: "TensorRT-LLM",
  aborted: ["cancelled", "timeout"],
  eventBytes: LIMITS.engineFrameBytes,
  read(body) {
    const { choices, usage, object, message } = (body ?? {}) as {
      choices?: unknown;
      usage?: Usage | null;
      object?: unknown;
      message?: unknown;
    };
    if (object === "error") throw broken(`it failed amid its reply: ${shown(message)}`);
    if (!Array.isArray(choices) || choices.length > 1) throw broken("a chunk without its choice");
    return { ...choiceOf(choices[0] as Choice | undefined), ...usageOf(usage ?? null) };
  },
};

type ChoicePart = Omit<Chunk, "cachedTokens" | "made">;

function choiceOf(choice: Choice | undefined): ChoicePart {
  const finishReason = choice?.finish_reason ?? null;
  if (finishReason !== null && typeof finishReason !== "string") {
    throw broken("a finish reason that is no text");
  }
  const { token_ids: ids = null, logprobs = null, stop_reason: stop = null } = choice ?? {};
  if (stop !== null && typeof stop !== "number" && typeof stop !== "string") {
    throw broken("a stop reason that is neither id nor text");
  }
  // The event that only tells usage has no choice; one with a choice and no ids was not asked as we ask.
  if (choice !== undefined && !Array.isArray(ids)) throw broken("a choice without token ids");
  const scores = logprobs?.token_logprobs ?? [];
  if (!Array.isArray(scores)) throw broken("logprobs that are no array");
  return {
    ids: ids === null ? [] : (ids as unknown[]),
    logprobs: scores,
    finishReason,
    stopReason: stop,
  };
}

function usageOf(usage: Usage | null): Pick<Chunk, "cachedTokens" | "made"> {
  const cached = usage?.prompt_tokens_details?.cached_tokens;
  const made = usage?.completion_tokens;
  return {
    cachedTokens: typeof cached === "number" ? cached : null,
    made: typeof made === "number" ? made : null,
  };
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `TensorRT-LLM broke its protocol: ${what}`);
