/** From an EngineRequest to `/inference/v1/generate`. What cannot be honoured is refused here, never dropped (I6). */
import { hash } from "node:crypto";
import { PacelineError } from "../../server/contract/errors.ts";
import type { LogprobMode, Sampling } from "../../server/contract/rollout.ts";
import type { EngineRequest } from "../engine.ts";
import { adapterOf } from "../lora/name.ts";
import { seedOf } from "../seed.ts";

/** What of the server a request depends on. */
export interface Served {
  /** It orders by priority (`--scheduling-policy priority`); else another than 0 is an error there. */
  readonly priorities: boolean;
  /** `--logprobs-mode`; null: it gives logits. */
  readonly logprobMode: LogprobMode | null;
  /** Tokens per event; null: the server's own. */
  readonly streamInterval: number | null;
  /**
   * `--return-sampling-mask`: it tells of each token what it was drawn from, and refuses every request that is greedy or
   * has no top-k.
   */
  readonly masks: boolean;
  /** `--enable-return-routed-experts`: it tells them with every reply. */
  readonly experts: boolean;
  readonly vocabSize: number;
}

/** Of `sampling.engine`: ours to say, or what a reply could not be read with. */
const OURS: ReadonlySet<string> = new Set([
  ...["n", "max_tokens", "min_tokens", "temperature", "top_p", "top_k", "min_p", "seed"],
  ...["presence_penalty", "frequency_penalty", "repetition_penalty", "stop", "stop_token_ids"],
  ...["ignore_eos", "logit_bias", "allowed_token_ids", "bad_words", "structured_outputs"],
  ...["logprobs", "prompt_logprobs", "prompt_logprob_token_ids", "prompt_logprob_start"],
  ...["logprob_token_ids", "flat_logprobs", "detokenize", "stream_interval", "output_kind"],
  ...["skip_reading_prefix_cache", "trace_decode_token_ids", "routed_experts_prompt_start"],
]);

/** The id that vLLM knows the request by: in its replies, and for an abort. */
export const engineId = (requestId: string): string => `generate-tokens-${requestId}`;

/** The streamed request for the output. Throws `unsupported` or `invalid_argument` with the parameter's path. */
export function generateBody(request: EngineRequest, served: Served): string {
  const { sampling, outputTokenIds, side } = request;
  assertHonoured(request, served);
  if (sampling.maxNewTokens > outputTokenIds.length && request.logprobMode !== served.logprobMode) {
    throw unsupported("want.logprob_modes");
  }
  const top = side?.topLogprobs ?? 0;
  return JSON.stringify({
    request_id: request.requestId,
    token_ids: joined(request.promptTokenIds, outputTokenIds),
    sampling_params: {
      ...sampling.engine,
      ...samplingBody(request, served),
      // The sampled token comes beside the most likely ones, if it is none of them.
      logprobs: top === 0 ? 0 : top + 1,
      ...(served.streamInterval === null ? {} : { stream_interval: served.streamInterval }),
      // Rows of the prompt that nobody wants are left out; those of the output come in any case.
      ...(served.experts
        ? {
            routed_experts_prompt_start:
              side?.routedExperts?.start ?? request.promptTokenIds.length,
          }
        : {}),
    },
    stream: true,
    stream_options: { include_usage: true },
    ...shared(request, served),
  });
}

/**
 * The unary request for the prompt's logprobs, which no stream carries. It makes one token too, since vLLM cannot make
 * none, which tells the version.
 */
export function scoreBody(request: EngineRequest, served: Served): string {
  return JSON.stringify({
    request_id: scoreId(request.requestId),
    token_ids: [...request.promptTokenIds],
    sampling_params: {
      max_tokens: 1,
      ...mostLikely(served.masks),
      prompt_logprobs: 0,
      detokenize: false,
      ...(served.experts ? { routed_experts_prompt_start: request.promptTokenIds.length } : {}),
    },
    stream: false,
    ...shared(request, served),
  });
}

/** The likeliest token, of a server that may refuse what is greedy. */
export const mostLikely = (masks: boolean) =>
  masks ? { temperature: 1, top_k: 1 } : { temperature: 0 };

export const scoreId = (requestId: string): string => `${requestId}-prompt`;

function shared(request: EngineRequest, { priorities }: Served) {
  const { cacheNamespace, priority } = request;
  const model = adapterOf(request);
  return {
    output_mode: "tokens",
    cache_salt: saltOf(cacheNamespace),
    ...(priorities && priority !== 0 ? { priority } : {}),
    ...(model === null ? {} : { model }),
  };
}

/** A salt holds no `@`, `/`, `\\` or NUL and at most 128 characters; namespaces do. Equal for equal ones, and for no others. */
export const saltOf = (namespace: string): string => hash("sha256", namespace, "hex");

function samplingBody(
  { sampling, outputTokenIds, siblingIndex }: EngineRequest,
  { masks, vocabSize }: Served,
) {
  const made = outputTokenIds.length;
  const { logitBias, allowedTokenIds, stopTokenIds } = sampling;
  return {
    max_tokens: sampling.maxNewTokens - made,
    min_tokens: Math.max(0, sampling.minNewTokens - made),
    ...filters(sampling, masks, vocabSize),
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    ignore_eos: sampling.ignoreEos,
    seed: seedOf(sampling.seed, siblingIndex, made),
    ...(stopTokenIds.length === 0 ? {} : { stop_token_ids: stopTokenIds }),
    ...(logitBias.size === 0 ? {} : { logit_bias: Object.fromEntries(logitBias) }),
    ...(allowedTokenIds.length === 0 ? {} : { allowed_token_ids: allowedTokenIds }),
    // Text is nobody's business here: stop strings are matched by the server before us.
    detokenize: false,
  };
}

/** Greedy, or without a top-k, is what a server with masks refuses: the likeliest alone, or all ids, are the same. */
function filters({ temperature, topP, topK, minP }: Sampling, masks: boolean, vocabSize: number) {
  if (masks && temperature <= 0) return mostLikely(masks);
  const most = masks && topK <= 0 ? vocabSize : topK;
  return { temperature, top_p: topP, top_k: most, min_p: minP };
}

function assertHonoured(
  { sampling, badWords, side, cacheCarried, promptTokenIds, outputTokenIds }: EngineRequest,
  served: Served,
) {
  const start = side?.promptLogprobs?.start ?? 0;
  if (start > 0 && start >= promptTokenIds.length) {
    throw new PacelineError(
      "invalid_argument",
      `prompt logprobs from ${start} on, behind its end`,
      {
        details: { path: "want.prompt_logprobs.start" },
      },
    );
  }
  if (badWords.length > 0) throw unsupported("sampling.bad_words");
  if (sampling.structured !== null && sampling.structured !== undefined) {
    throw unsupported("sampling.structured");
  }
  if (side?.samplingMask && !served.masks) throw unsupported("want.sampling_mask");
  if (side?.routedExperts != null && !served.experts) throw unsupported("want.routed_experts");
  if (cacheCarried) throw unsupported("cache.reuse");
  if (outputTokenIds.length > 0 && isPenalised(sampling)) {
    // It would count the tokens made so far as prompt.
    throw unsupported("continue.output_token_ids", "penalties over a cut");
  }
  for (const name of Object.keys(sampling.engine)) {
    if (!OURS.has(name)) continue;
    const path = `sampling.engine.${name}`;
    throw new PacelineError("invalid_argument", `${path}: not to be said here`, {
      details: { path },
    });
  }
}

const isPenalised = (sampling: Sampling): boolean =>
  sampling.presencePenalty !== 0 ||
  sampling.frequencyPenalty !== 0 ||
  sampling.repetitionPenalty !== 1;

function unsupported(path: string, what = path): PacelineError {
  return new PacelineError("unsupported", `vLLM does not honour ${what} for us`, {
    details: { path },
  });
}

function joined(prompt: Uint32Array, output: Uint32Array): number[] {
  const all = new Array<number>(prompt.length + output.length);
  for (let i = 0; i < prompt.length; i++) all[i] = prompt[i] as number;
  for (let i = 0; i < output.length; i++) all[prompt.length + i] = output[i] as number;
  return all;
}
