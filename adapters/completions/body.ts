/**
 * From an EngineRequest to the body of `POST /v1/completions` with token ids as prompt: what TensorRT-LLM and Dynamo
 * have in common. What cannot be honoured is refused here, never dropped (I6).
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Sampling } from "../../server/contract/rollout.ts";
import type { ExpertsHead } from "../../server/contract/routed-experts.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import { seedOf } from "../seed.ts";
import type { KnownFacts } from "./facts.ts";

export interface BodyFacts
  extends Pick<KnownFacts, "maxModelLen" | "vocabSize" | "logprobModes" | "held"> {
  /** As errors name it. */
  readonly engine: string;
  /** It tells routed experts. Default: null, it does not. */
  readonly experts?: ExpertsHead | null;
}

/** Throws `version_unavailable`, `unsupported`, `invalid_argument` or `prompt_too_long` with the parameter's path. */
export function checkRequest(request: EngineRequest, facts: BodyFacts): void {
  const { promptTokenIds, outputTokenIds, slot, sampling, policy } = request;
  if (facts.held.every((held) => held.policy !== policy)) {
    throw new PacelineError("version_unavailable", `it was not started with weights of ${policy}`, {
      details: { policy },
    });
  }
  if (slot !== 0) throw invalid("slot", `the engine has one slot, not slot ${slot}`);
  if (promptTokenIds.length === 0) throw invalid("prompt_token_ids", "must not be empty");
  if (promptTokenIds.length >= facts.maxModelLen) {
    throw new PacelineError(
      "prompt_too_long",
      `the prompt leaves no room in ${facts.maxModelLen}`,
      {
        details: { path: "prompt_token_ids", limit: facts.maxModelLen - 1 },
      },
    );
  }
  assertIds("prompt_token_ids", promptTokenIds, facts);
  assertIds("continue.output_token_ids", outputTokenIds, facts);
  assertIds("sampling.stop_token_ids", sampling.stopTokenIds, facts);
  assertIds("sampling.logit_bias", sampling.logitBias.keys(), facts);
  const refused = unhonoured(request, facts);
  if (refused === null) return;
  throw new PacelineError("unsupported", `${facts.engine} does not honour ${refused}`, {
    details: { path: refused },
  });
}

function assertIds(path: string, ids: Iterable<number>, { vocabSize }: BodyFacts): void {
  for (const id of ids) if (id >= vocabSize) throw invalid(path, `${id} is no token id here`);
}

/** Path of the first thing that none of these engines can do by HTTP. */
function unhonoured(
  request: EngineRequest,
  { logprobModes, experts = null }: BodyFacts,
): string | null {
  const { side, cacheCarried, outputTokenIds, badWords, sampling } = request;
  if (request.adapter !== undefined) return "policy";
  if (!logprobModes.includes(request.logprobMode)) return "want.logprob_modes";
  if (sampling.maxNewTokens === 0) return "sampling.max_new_tokens";
  if (sampling.allowedTokenIds.length > 0) return "sampling.allowed_token_ids";
  if (badWords.length > 0 || sampling.badWords.length > 0) return "sampling.bad_words";
  if (sampling.structured !== null && sampling.structured !== undefined) {
    return "sampling.structured";
  }
  for (const _ in sampling.engine) return "sampling.engine";
  if (side?.promptLogprobs) return "want.prompt_logprobs";
  if (side?.samplingMask) return "want.sampling_mask";
  if (side?.routedExperts != null && experts === null) return "want.routed_experts";
  if (side !== null && side.topLogprobs > 0) return "want.top_logprobs";
  if (cacheCarried) return "cache.reuse";
  // Tokens made so far would count as prompt.
  return outputTokenIds.length > 0 && isPenalised(sampling) ? "continue.output_token_ids" : null;
}

const isPenalised = (sampling: Sampling): boolean =>
  sampling.presencePenalty !== 0 ||
  sampling.frequencyPenalty !== 0 ||
  sampling.repetitionPenalty !== 1;

/** Tokens that may still be made, 0 where there is nothing to ask for: engines differ in whether they clamp or refuse what goes beyond the context. */
export const tokensLeft = (
  { promptTokenIds, outputTokenIds, sampling }: EngineRequest,
  { maxModelLen }: BodyFacts,
): number =>
  Math.max(
    0,
    Math.min(
      sampling.maxNewTokens - outputTokenIds.length,
      maxModelLen - promptTokenIds.length - outputTokenIds.length,
    ),
  );

/** The whole reply to a request that asks for no more tokens. */
export async function* nothingLeft({
  sampling,
  outputTokenIds,
}: EngineRequest): AsyncGenerator<EngineEvent, void> {
  const cause = outputTokenIds.length >= sampling.maxNewTokens ? "max_new" : "context";
  yield {
    type: "finished",
    reason: { type: "length", cause, matched: null },
    cachedTokens: 0,
    versions: null,
  };
}

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
