/** From an EngineRequest to the wire. What this engine cannot honour is refused here, never dropped (I6). */
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineRequest } from "../engine.ts";
import type { GenerateBody, SamplingBody } from "./wire.ts";

/** Throws `unsupported` with the parameter's name. `streamInterval` null: the engine's own. */
export function encodeRequest(request: EngineRequest, streamInterval: number | null): string {
  refuseUnsupported(request);
  if (request.slot !== 0) {
    throw new PacelineError(
      "invalid_argument",
      `the engine has one slot, not slot ${request.slot}`,
      {
        details: { path: "slot" },
      },
    );
  }
  const body: GenerateBody = {
    request_id: request.requestId,
    policy: request.policy,
    prompt_token_ids: base64(request.promptTokenIds),
    output_token_ids: base64(request.outputTokenIds),
    sampling: samplingBody(request),
    sibling_index: request.siblingIndex,
    logprob_mode: request.logprobMode,
    cache_namespace: request.cacheNamespace,
    ...(request.cacheCarried ? { cache_carried: true } : {}),
    priority: request.priority,
    ...sideBody(request.side),
    ...(streamInterval === null ? {} : { stream_interval: streamInterval }),
  };
  return JSON.stringify(body);
}

function sideBody(
  side: EngineRequest["side"],
): Pick<GenerateBody, "prompt_logprobs" | "top_logprobs" | "sampling_mask" | "routed_experts"> {
  if (side === null) return {};
  const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = side;
  return {
    ...(promptLogprobs === null ? {} : { prompt_logprobs: promptLogprobs.start }),
    ...(topLogprobs === 0 ? {} : { top_logprobs: topLogprobs }),
    ...(samplingMask ? { sampling_mask: true } : {}),
    ...(routedExperts == null ? {} : { routed_experts: routedExperts.start }),
  };
}

function samplingBody({ sampling, badWords }: EngineRequest): SamplingBody {
  return {
    max_new_tokens: sampling.maxNewTokens,
    min_new_tokens: sampling.minNewTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    stop_token_ids: sampling.stopTokenIds,
    ignore_eos: sampling.ignoreEos,
    seed: sampling.seed,
    logit_bias: [...sampling.logitBias],
    ...(sampling.allowedTokenIds.length === 0
      ? {}
      : { allowed_token_ids: base64(Uint32Array.from(sampling.allowedTokenIds)) }),
    ...(badWords.length === 0 ? {} : { bad_words: badWords }),
  };
}

function refuseUnsupported({ sampling }: EngineRequest): void {
  const { structured, engine } = sampling;
  const path =
    (structured !== null && structured !== undefined && "sampling.structured") ||
    (hasKeys(engine) && "sampling.engine");
  if (path === false) return;
  throw new PacelineError("unsupported", `the embedded engine does not honour ${path}`, {
    details: { path },
  });
}

function hasKeys(record: Readonly<Record<string, unknown>>): boolean {
  for (const _ in record) return true;
  return false;
}

/** The array's bytes as they are: little-endian hosts only. */
function base64(ids: Uint32Array): string {
  return Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength).toString("base64");
}
