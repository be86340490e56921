/**
 * From an EngineRequest to the body of `POST /v1/completions` with token ids as prompt: what TensorRT-LLM and Dynamo
 * have in common. What cannot be honoured is refused here, never dropped (I6).
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Sampling } from "../../server/contract/rollout.ts";
import type { EngineRequest } from "../engine.ts";
import { seedOf } from "./seed.ts";

export interface BodyFacts {
  /** As errors name it. */
  readonly engine: string;
  readonly maxModelLen: number;
  readonly vocabSize: number;
}

/** Throws `unsupported`, `invalid_argument` or `prompt_too_long` with the parameter's path. */
export function checkRequest(request: EngineRequest, facts: BodyFacts): void {
  const { promptTokenIds, outputTokenIds, slot, sampling } = request;
  if (slot !== 0) throw invalid("slot", `the engine has one slot, not slot ${slot}`);
  if (promptTokenIds.length === 0) throw invalid("prompt_token_ids", "must not be empty");
  if (promptTokenIds.length + outputTokenIds.length >= facts.maxModelLen) {
    throw new PacelineError(
      "prompt_too_long",
      `the prompt leaves no room in ${facts.maxModelLen}`,
      {
        details: { path: "prompt_token_ids", limit: facts.maxModelLen - 1 },
      },
    );
  }
  for (const ids of [promptTokenIds, outputTokenIds]) {
    for (const id of ids) {
      if (id >= facts.vocabSize) throw invalid("prompt_token_ids", `${id} is no token id here`);
    }
  }
  const refused = unhonoured(request, sampling);
  if (refused === null) return;
  throw new PacelineError("unsupported", `${facts.engine} does not honour ${refused}`, {
    details: { path: refused },
  });
}

/** Path of the first thing that none of these engines can do by HTTP. */
function unhonoured(request: EngineRequest, sampling: Sampling): string | null {
  const { side, cacheCarried, outputTokenIds, badWords } = request;
  if (sampling.maxNewTokens === 0) return "sampling.max_new_tokens";
  if (sampling.allowedTokenIds.length > 0) return "sampling.allowed_token_ids";
  if (badWords.length > 0 || sampling.badWords.length > 0) return "sampling.bad_words";
  if (sampling.structured !== null && sampling.structured !== undefined) {
    return "sampling.structured";
  }
  for (const _ in sampling.engine) return "sampling.engine";
  if (side?.promptLogprobs) return "want.prompt_logprobs";
  if (side?.samplingMask) return "want.sampling_mask";
  if (side !== null && side.topLogprobs > 0) return "want.top_logprobs";
  if (cacheCarried) return "cache.reuse";
  // Tokens made so far would count as prompt.
  return outputTokenIds.length > 0 && isPenalised(sampling) ? "continue.output_token_ids" : null;
}

const isPenalised = (sampling: Sampling): boolean =>
  sampling.presencePenalty !== 0 ||
  sampling.frequencyPenalty !== 0 ||
  sampling.repetitionPenalty !== 1;

/** Tokens that may still be made: engines differ in whether they clamp or refuse what goes beyond the context. */
export const tokensLeft = (
  { promptTokenIds, outputTokenIds, sampling }: EngineRequest,
  { maxModelLen }: BodyFacts,
): number =>
  Math.min(
    sampling.maxNewTokens - outputTokenIds.length,
    maxModelLen - promptTokenIds.length - outputTokenIds.length,
  );

/** Every field that matters, since absent ones have defaults that differ. */
export function completionBody(request: EngineRequest, facts: BodyFacts) {
  const { sampling, promptTokenIds, outputTokenIds, siblingIndex } = request;
  const made = outputTokenIds.length;
  const left = tokensLeft(request, facts);
  return {
    prompt: [...promptTokenIds, ...outputTokenIds],
    max_tokens: left,
    min_tokens: Math.min(Math.max(0, sampling.minNewTokens - made), left),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    ignore_eos: sampling.ignoreEos,
    seed: seedOf(sampling.seed, siblingIndex, made),
    ...(sampling.stopTokenIds.length === 0 ? {} : { stop_token_ids: sampling.stopTokenIds }),
    ...(sampling.logitBias.size === 0
      ? {}
      : { logit_bias: Object.fromEntries(sampling.logitBias) }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

const invalid = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", `${path}: ${message}`, { details: { path } });
