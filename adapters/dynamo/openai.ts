/**
 * The frontend's `POST /v1/completions` with `nvext`, of any kind of worker: the prompt as ids, the ids of the output in
 * `nvext`, logprobs in the choice. The two come from different stages there and have been known to differ in
 * length: a reply where they do is refused as `misaligned`.
 *
 *     {"choices": [{"index", "text", "finish_reason", "logprobs": {"token_logprobs": […]} | null}], "usage": … | null,
 *      "nvext": {"completion_token_ids": […], "stop_reason", "worker_id": {"decode_worker_id", …},
 *       "engine_data": {"completion_token_ids", "completion_logprobs"}}}
 */

import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import { type BodyFacts, completionBody } from "../completions/body.ts";
import type { Chunk, ChunkWire } from "../completions/response.ts";
import type { EngineRequest } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { broken, errorInStream } from "./errors.ts";
import { ROUTED_EXPERTS } from "./experts.ts";

const EXTRAS = ["completion_token_ids", "worker_id", "stop_reason", "engine_data"];

export function openaiBody(request: EngineRequest, facts: BodyFacts, model: string): string {
  const extras = request.side?.routedExperts == null ? EXTRAS : [...EXTRAS, ROUTED_EXPERTS];
  return JSON.stringify({
    model,
    ...completionBody(request, facts),
    logprobs: 0,
    nvext: { extra_fields: extras, cache_salt: request.cacheNamespace },
  });
}

interface Choice {
  readonly finish_reason?: unknown;
  readonly logprobs?: { readonly token_logprobs?: unknown } | null;
}

interface Extras {
  readonly completion_token_ids?: unknown;
  readonly stop_reason?: unknown;
  readonly routed_experts?: unknown;
  readonly worker_id?: { readonly decode_worker_id?: unknown } | null;
  readonly engine_data?: {
    readonly completion_token_ids?: unknown;
    readonly completion_logprobs?: unknown;
  } | null;
}

/** One for each reply: it knows which worker made it. `experts`: told of what comes with them. */
export function openaiChunks(experts: (given: unknown) => void): ChunkWire {
  let worker: unknown = null;
  return {
    engine: "Dynamo",
    aborted: ["cancelled", "abort"],
    eventBytes: LIMITS.engineFrameBytes,
    read(body, event) {
      const { error, choices, usage, nvext } = (body ?? {}) as {
        error?: unknown;
        choices?: unknown;
        usage?: unknown;
        nvext?: Extras | null;
      };
      if (event === "error" || error !== undefined) throw errorInStream(error ?? body);
      if (!Array.isArray(choices) || choices.length > 1) throw broken("an event without a choice");
      const now = nvext?.worker_id?.decode_worker_id ?? worker;
      // Its own migration asks no version and carries neither seed nor penalties over: it is a cut like any other,
      // and what goes on behind a cut is ours to ask for.
      if (worker !== null && now !== worker) throw migrated(worker, now);
      worker = now;
      experts(nvext?.routed_experts);
      const choice = (choices[0] ?? {}) as Choice;
      return { ...tokensOf(choice, nvext ?? {}), ...finishOf(choice, nvext), ...usageOf(usage) };
    },
  };
}

function tokensOf(choice: Choice, nvext: Extras): Pick<Chunk, "ids" | "logprobs"> {
  const { completion_token_ids: ids, completion_logprobs: scores } = nvext.engine_data ?? {};
  // Both lists as the engine gave them, where it did.
  if (Array.isArray(ids) && Array.isArray(scores)) return { ids, logprobs: scores };
  const told = nvext.completion_token_ids ?? [];
  const logprobs = choice.logprobs?.token_logprobs ?? [];
  if (!Array.isArray(told) || !Array.isArray(logprobs)) throw broken("ids that are no list");
  return { ids: told, logprobs };
}

function finishOf(
  { finish_reason: reason = null }: Choice,
  nvext: Extras | null | undefined,
): Pick<Chunk, "finishReason" | "stopReason"> {
  if (reason !== null && typeof reason !== "string")
    throw broken("a finish reason that is no text");
  const stop = nvext?.stop_reason;
  const stopReason = typeof stop === "number" || typeof stop === "string" ? stop : null;
  return { finishReason: reason, stopReason };
}

function usageOf(usage: unknown): Pick<Chunk, "cachedTokens" | "made"> {
  const { completion_tokens: made, prompt_tokens_details: details } = (usage ?? {}) as {
    completion_tokens?: unknown;
    prompt_tokens_details?: { cached_tokens?: unknown } | null;
  };
  const cached = details?.cached_tokens;
  return {
    cachedTokens: typeof cached === "number" ? cached : null,
    made: typeof made === "number" ? made : null,
  };
}

const migrated = (from: unknown, to: unknown): PacelineError =>
  new PacelineError("engine_error", "Dynamo moved the rollout to another worker amid its reply", {
    details: { migrated: true, from: shown(from), to: shown(to) },
  });
