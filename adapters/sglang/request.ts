/**
 * From an EngineRequest to the body of `POST /generate`. What this engine cannot honour is refused here, never
 * dropped (I6), and every id is checked: one beyond the vocabulary ends the whole server (seen on 0.5.23).
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Sampling } from "../../server/contract/rollout.ts";
import type { EngineRequest } from "../engine.ts";
import { adapterOf } from "../lora/name.ts";
import { seedOf } from "../seed.ts";
import { type Facts, givesMode } from "./facts.ts";

/** Below it SGLang takes a temperature for greedy. */
const GREEDY_BELOW = 1e-6;

export interface Wish {
  readonly request: EngineRequest;
  readonly facts: Facts;
  /** Tokens a chunk after the first; null: the server's own. */
  readonly streamInterval: number | null;
}

/** Throws `invalid_argument` for what no request may hold, `unsupported` with the parameter's name for what this engine cannot do. */
export function checkRequest(request: EngineRequest, facts: Facts): void {
  const { sampling, slot, promptTokenIds } = request;
  if (slot >= facts.slots) {
    throw invalid("slot", `the engine has ${facts.slots} slots, not slot ${slot}`);
  }
  if (promptTokenIds.length === 0) throw invalid("prompt_token_ids", "must not be empty");
  if (promptTokenIds.length >= facts.promptLimit) {
    const most = facts.promptLimit - 1;
    throw new PacelineError(
      "prompt_too_long",
      `${promptTokenIds.length} tokens, of ${most} at most`,
      {
        details: { path: "prompt_token_ids", limit: most },
      },
    );
  }
  checkIds("prompt_token_ids", promptTokenIds, facts);
  checkIds("output_token_ids", request.outputTokenIds, facts);
  checkIds("sampling.stop_token_ids", sampling.stopTokenIds, facts);
  checkIds("sampling.logit_bias", [...sampling.logitBias.keys()], facts);
  const start = request.side?.promptLogprobs?.start ?? 0;
  if (start >= promptTokenIds.length) {
    throw invalid("want.prompt_logprobs.start", "lies behind the prompt's end");
  }
  const refused = unhonoured(request, facts);
  if (refused === null) return;
  throw new PacelineError("unsupported", `this SGLang server does not honour ${refused}`, {
    details: { path: refused },
  });
}

function checkIds(path: string, ids: ArrayLike<number>, { vocabSize }: Facts): void {
  for (let at = 0; at < ids.length; at++) {
    const id = ids[at] as number;
    if (id >= vocabSize) throw invalid(path, `${id} is not in the vocabulary of ${vocabSize}`);
  }
}

/** Path of the first thing that it cannot do; null: it can do all. */
function unhonoured(
  { sampling: s, side, logprobMode, adapter }: EngineRequest,
  facts: Facts,
): string | null {
  if (adapter !== undefined && facts.adapters === 0) return "policy";
  // Counts tokens of the output only; ours, as vLLM's, counts the prompt's too.
  if (s.repetitionPenalty !== 1) return "sampling.repetition_penalty";
  if (s.allowedTokenIds.length > 0) return "sampling.allowed_token_ids";
  if (s.badWords.length > 0) return "sampling.bad_words";
  if (s.structured !== null && s.structured !== undefined) return "sampling.structured";
  for (const _ in s.engine) return "sampling.engine";
  // An assertion of its sampler, which ends the server.
  if (s.minP > 0 && facts.deterministic) return "sampling.min_p";
  if (s.temperature > 0 && s.temperature < GREEDY_BELOW) return "sampling.temperature";
  if (s.maxNewTokens > 0 && !givesMode(facts.logprobMode, logprobMode, s)) {
    return "want.logprob_modes";
  }
  if (side?.samplingMask === true && maskWidth(s, facts) > facts.maskTokens) {
    return "want.sampling_mask";
  }
  // Tokens behind a stop id that we end at would have rows too.
  const ours = s.ignoreEos && s.stopTokenIds.length > 0;
  if (side?.routedExperts != null && (!facts.experts || ours)) return "want.routed_experts";
  return null;
}

const maskWidth = ({ temperature, topK }: Sampling, { vocabSize }: Facts): number =>
  temperature === 0 ? 1 : topK > 0 ? Math.min(topK, vocabSize) : vocabSize;

/**
 * Tokens that may still be made; 0: there is nothing to ask for. SGLang refuses what goes beyond its context
 * instead of ending there, so the limit is reduced to what fits.
 */
export function tokensLeft(request: EngineRequest, { contextLength, promptLimit }: Facts): number {
  const { sampling, outputTokenIds, promptTokenIds } = request;
  const made = outputTokenIds.length;
  // What exists already is a prompt to the engine.
  if (promptTokenIds.length + made >= promptLimit) return 0;
  return Math.max(
    0,
    Math.min(sampling.maxNewTokens - made, contextLength - promptTokenIds.length - made),
  );
}

/** A request for tokens, streamed. */
export function generateBody({ request, facts, streamInterval }: Wish): string {
  const { side } = request;
  return JSON.stringify({
    ...common(request, facts, request.requestId),
    input_ids: joined(request.promptTokenIds, request.outputTokenIds),
    sampling_params: {
      ...samplingParams(request, facts),
      ...(streamInterval === null || !facts.streamInterval
        ? {}
        : { stream_interval: streamInterval }),
    },
    ...(side !== null && side.topLogprobs > 0 ? { top_logprobs_num: side.topLogprobs } : {}),
    ...(side?.samplingMask === true ? { return_sampling_mask: true } : {}),
    ...(side?.routedExperts == null
      ? {}
      : {
          return_routed_experts: true,
          routed_experts_start_len: side.routedExperts.start,
        }),
    stream: true,
  });
}

/** One list of both. Spreading goes through iterators, which costs several times these loops. */
function joined(prompt: Uint32Array, output: Uint32Array): number[] {
  const all = new Array<number>(prompt.length + output.length);
  for (let at = 0; at < prompt.length; at++) all[at] = prompt[at] as number;
  for (let at = 0; at < output.length; at++) all[prompt.length + at] = output[at] as number;
  return all;
}

/** A request for the prompt's logprobs alone, answered at once. */
export function scoreBody(request: EngineRequest, facts: Facts, start: number): string {
  return JSON.stringify({
    ...common(request, facts, scoreId(request)),
    input_ids: [...request.promptTokenIds],
    sampling_params: { max_new_tokens: 0, temperature: 1, top_p: 1, top_k: -1 },
    // The first entry is always null, so the one before is asked for.
    logprob_start_len: Math.max(0, start - 1),
    stream: false,
  });
}

/** Aborting the request's own id, which this one begins with, ends both: SGLang matches by prefix. */
export const scoreId = ({ requestId }: EngineRequest): string => `${requestId}~score`;

function common(request: EngineRequest, facts: Facts, rid: string) {
  const { cacheNamespace, priority, slot } = request;
  const { lowPriorityFirst } = facts;
  const adapter = adapterOf(request);
  return {
    rid,
    return_logprob: true,
    return_text_in_logprobs: false,
    extra_key: cacheNamespace,
    ...(lowPriorityFirst === null ? {} : { priority: lowPriorityFirst ? priority : -priority }),
    ...(facts.slots > 1 ? { routed_dp_rank: slot } : {}),
    ...(adapter === null ? {} : { lora_path: adapter }),
  };
}

/** Every field that matters is sent: absent ones are filled in from the checkpoint's generation config. */
function samplingParams(request: EngineRequest, facts: Facts) {
  const { sampling: s, outputTokenIds, side } = request;
  const left = tokensLeft(request, facts);
  const made = outputTokenIds.length;
  const topK = s.topK > 0 && s.topK < facts.vocabSize ? s.topK : -1;
  return {
    max_new_tokens: left,
    min_new_tokens: Math.min(Math.max(0, s.minNewTokens - made), left),
    temperature: s.temperature,
    top_p: s.topP,
    // A mask is told only of a top-k that is on.
    top_k: side?.samplingMask === true && topK === -1 ? facts.vocabSize : topK,
    min_p: s.minP,
    presence_penalty: s.presencePenalty,
    frequency_penalty: s.frequencyPenalty,
    repetition_penalty: 1,
    n: 1,
    stop: [],
    stop_token_ids: [...s.stopTokenIds],
    ignore_eos: s.ignoreEos,
    skip_special_tokens: false,
    no_stop_trim: true,
    ...(s.logitBias.size === 0 ? {} : { logit_bias: Object.fromEntries(s.logitBias) }),
    ...(facts.deterministic ? { sampling_seed: seedOf(s.seed, request.siblingIndex, 0) } : {}),
  };
}

const invalid = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", `${path}: ${message}`, { details: { path } });
