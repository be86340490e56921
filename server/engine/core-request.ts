/** What the core itself checks of a request: everything that could break a batch or loop for ever. */
import { PacelineError } from "../contract/errors.ts";
import type { FinishReason } from "../contract/rollout.ts";
import type { CoreRequest } from "./core.ts";

export interface RequestLimits {
  readonly vocabSize: number;
  readonly maxModelLen: number;
  /** Hard limit of the KV cache in tokens. */
  readonly kvTokens: number;
  readonly eosTokenIds: readonly number[];
}

/** Throws `invalid_argument` or `prompt_too_long`. */
export function assertRequest(request: CoreRequest, limits: RequestLimits): void {
  const { promptTokenIds: prompt, outputTokenIds: output } = request;
  if (prompt.length === 0) throw invalid("prompt_token_ids", "is empty");
  assertIds("prompt_token_ids", prompt, limits.vocabSize);
  assertIds("output_token_ids", output, limits.vocabSize);
  assertSampling(request, limits);
  const start = request.side?.promptLogprobs?.start ?? 0;
  if (start >= prompt.length) throw invalid("prompt_logprobs", `start at ${start}`);
  const known = prompt.length + output.length;
  // A prompt that is only scored may fill the context.
  const room = limits.maxModelLen - Math.min(1, request.sampling.maxNewTokens);
  if (prompt.length > room || known > Math.min(limits.maxModelLen, limits.kvTokens)) {
    throw new PacelineError(
      "prompt_too_long",
      `${known} tokens do not fit a context of ${limits.maxModelLen} and a KV cache of ${limits.kvTokens}`,
      { details: { tokens: known, max_model_len: limits.maxModelLen, kv_tokens: limits.kvTokens } },
    );
  }
}

function assertSampling({ sampling, siblingIndex }: CoreRequest, limits: RequestLimits): void {
  const checks: readonly [string, number, (value: number) => boolean][] = [
    ["max_new_tokens", sampling.maxNewTokens, isCount],
    ["min_new_tokens", sampling.minNewTokens, isCount],
    ["temperature", sampling.temperature, (value) => value >= 0],
    ["top_p", sampling.topP, (value) => value > 0 && value <= 1],
    ["top_k", sampling.topK, isCount],
    ["min_p", sampling.minP, (value) => value >= 0 && value <= 1],
    ["presence_penalty", sampling.presencePenalty, () => true],
    ["frequency_penalty", sampling.frequencyPenalty, () => true],
    ["repetition_penalty", sampling.repetitionPenalty, (value) => value > 0],
    ["seed", sampling.seed, isCount],
    ["sibling_index", siblingIndex, (value) => isCount(value) && value < 2 ** 32],
  ];
  for (const [path, value, allowed] of checks) {
    if (!Number.isFinite(value) || !allowed(value)) throw invalid(path, `is ${value}`);
  }
  assertIds("stop_token_ids", sampling.stopTokenIds, limits.vocabSize);
  assertIds(
    "logit_bias",
    sampling.logitBias.map(([id]) => id),
    limits.vocabSize,
  );
  assertIds("allowed_token_ids", sampling.allowedTokenIds, limits.vocabSize);
  for (const word of sampling.badWords) {
    if (word.length === 0) throw invalid("bad_words", "holds one of no tokens");
    assertIds("bad_words", word, limits.vocabSize);
  }
  if (sampling.logitBias.some(([, bias]) => !Number.isFinite(bias))) {
    throw invalid("logit_bias", "holds a value that is not finite");
  }
  const masked = new Set([
    ...sampling.stopTokenIds,
    ...(sampling.ignoreEos ? [] : limits.eosTokenIds),
  ]);
  if (sampling.minNewTokens > 0 && masked.size >= limits.vocabSize) {
    throw invalid("min_new_tokens", "leaves no token to sample: all of them stop");
  }
}

function assertIds(path: string, ids: Iterable<number>, vocabSize: number): void {
  for (const id of ids) {
    if (!isCount(id) || id >= vocabSize) throw invalid(path, `holds ${id}, not in the vocabulary`);
  }
}

/**
 * Why a sequence ends after its last output token, or `null`. In this order: end of sequence, stop id
 * (neither below `min_new_tokens`), `max_new_tokens`, context.
 */
export function finishOf(
  { sampling }: CoreRequest,
  outputLength: number,
  length: number,
  last: number | null,
  limits: RequestLimits,
): FinishReason | null {
  if (last !== null && outputLength > sampling.minNewTokens) {
    if (!sampling.ignoreEos && limits.eosTokenIds.includes(last)) {
      return { type: "stop", cause: "eos", matched: last };
    }
    if (sampling.stopTokenIds.includes(last)) {
      return { type: "stop", cause: "stop_id", matched: last };
    }
  }
  if (outputLength >= sampling.maxNewTokens) {
    return { type: "length", cause: "max_new", matched: null };
  }
  if (length >= limits.maxModelLen) return { type: "length", cause: "context", matched: null };
  return null;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function invalid(path: string, what: string): PacelineError {
  return new PacelineError("invalid_argument", `${path} ${what}`, { details: { path } });
}
