/**
 * The frontend's `POST /generate`: SGLang's own request and reply, streamed only, of workers that are SGLang's. Ids and
 * logprobs come in one object. Whether an event holds what is new or all so far is told by its count of tokens.
 *
 *     {"output_ids": […], "meta_info": {"id", "finish_reason": null | {"type", "matched" | "length" | "message"},
 *      "prompt_tokens", "completion_tokens", "cached_tokens", "output_token_logprobs": [[logprob, id, null], …]}}
 */

import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import { type BodyFacts, tokensLeft } from "../completions/body.ts";
import type { Chunk, ChunkWire } from "../completions/response.ts";
import type { EngineRequest } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { broken, errorInStream } from "./errors.ts";

/** Throws `unsupported` for what an OpenAI route would take and this one does not. A seed means nothing to it. */
export function nativeBody(request: EngineRequest, facts: BodyFacts): string {
  const { sampling, promptTokenIds, outputTokenIds } = request;
  if (sampling.repetitionPenalty !== 1) throw unsupported("sampling.repetition_penalty");
  if (sampling.logitBias.size > 0) throw unsupported("sampling.logit_bias");
  const left = tokensLeft(request, facts);
  return JSON.stringify({
    rid: request.requestId,
    input_ids: [...promptTokenIds, ...outputTokenIds],
    sampling_params: {
      max_new_tokens: left,
      min_new_tokens: Math.min(Math.max(0, sampling.minNewTokens - outputTokenIds.length), left),
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK === 0 ? -1 : sampling.topK,
      min_p: sampling.minP,
      presence_penalty: sampling.presencePenalty,
      frequency_penalty: sampling.frequencyPenalty,
      ignore_eos: sampling.ignoreEos,
      skip_special_tokens: false,
      n: 1,
      ...(sampling.stopTokenIds.length === 0 ? {} : { stop_token_ids: sampling.stopTokenIds }),
    },
    return_logprob: true,
    top_logprobs_num: 0,
    extra_key: request.cacheNamespace,
    stream: true,
  });
}

interface Meta {
  readonly id?: unknown;
  readonly completion_tokens?: unknown;
  readonly cached_tokens?: unknown;
  readonly output_token_logprobs?: unknown;
  readonly finish_reason?: { readonly type?: unknown; readonly matched?: unknown } | null;
}

/** One for each reply: it knows how many tokens there were. */
export function nativeChunks(requestId: string): ChunkWire {
  let seen = 0;
  return {
    engine: "Dynamo",
    aborted: ["abort"],
    eventBytes: LIMITS.engineFrameBytes,
    read(body, event) {
      const {
        error,
        output_ids: ids,
        meta_info: meta,
      } = (body ?? {}) as {
        error?: unknown;
        output_ids?: unknown;
        meta_info?: Meta;
      };
      if (event === "error" || error !== undefined) throw errorInStream(error ?? body);
      if (meta?.id !== requestId) throw broken(`an answer to ${shown(meta?.id)}`);
      const made = meta?.completion_tokens;
      if (!Array.isArray(ids) || !isCount(made)) {
        throw broken("an event without its ids or its count");
      }
      const pairs = newOf(meta.output_token_logprobs ?? [], made, seen, "logprobs");
      const chunk = {
        ids: newOf(ids, made, seen, "ids"),
        logprobs: pairs.map((pair) => (Array.isArray(pair) ? (pair as unknown[])[0] : pair)),
        ...finishOf(meta.finish_reason ?? null),
        cachedTokens: isCount(meta.cached_tokens) ? meta.cached_tokens : null,
        made,
      };
      if (pairs.some((pair, i) => !Array.isArray(pair) || pair[1] !== chunk.ids[i])) {
        throw new PacelineError("misaligned", "logprobs of other tokens than those told");
      }
      seen = made;
      return chunk;
    },
  };
}

/** What of a list is new, where it holds all of `made` tokens or those behind the `seen` ones. */
function newOf(list: unknown, made: number, seen: number, what: string): readonly unknown[] {
  if (Array.isArray(list)) {
    if (list.length === made - seen) return list;
    if (list.length === made) return list.slice(seen);
  }
  throw new PacelineError("misaligned", `${what} that are neither the new ones nor all of ${made}`);
}

function finishOf(reason: Meta["finish_reason"]): Pick<Chunk, "finishReason" | "stopReason"> {
  if (reason === null || reason === undefined) return { finishReason: null, stopReason: null };
  const { type, matched = null } = reason;
  if (typeof type !== "string") throw broken("a finish reason without a type");
  const stopReason = typeof matched === "number" || typeof matched === "string" ? matched : null;
  return { finishReason: type, stopReason };
}

const unsupported = (path: string): PacelineError =>
  new PacelineError("unsupported", `Dynamo's /generate does not honour ${path}`, {
    details: { path },
  });

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
