/** From an EngineRequest to TensorRT-LLM's `GenerateRequest`; what it cannot honour has been refused before. */
import { createHash } from "node:crypto";
import type { trtllm } from "../../../proto/gen/trtllm.js";
import { type BodyFacts, completionBody } from "../../completions/body.ts";
import type { EngineRequest } from "../../engine.ts";

/** Bytes of a salt: an int64 on the wire, of which a double holds so many exactly. */
const SALT_BYTES = 6;

export function generateRequest(
  request: EngineRequest,
  facts: BodyFacts,
): trtllm.GenerateRequest.$Properties {
  const body = completionBody(request, facts);
  return {
    request_id: request.requestId,
    tokenized: { input_token_ids: body.prompt },
    sampling_config: {
      beam_width: 1,
      num_return_sequences: 1,
      // 0 is greedy there as here; its samplers take all tokens where top_k is 0.
      temperature: body.temperature,
      top_p: body.top_p,
      top_k: Math.max(0, body.top_k),
      min_p: body.min_p,
      min_tokens: body.min_tokens,
      seed: body.seed,
      repetition_penalty: body.repetition_penalty,
      presence_penalty: body.presence_penalty,
      frequency_penalty: body.frequency_penalty,
    },
    // 1: what 0 means there nobody has confirmed.
    output_config: { logprobs: 1, exclude_input_from_output: true },
    max_tokens: body.max_tokens,
    streaming: true,
    cache_salt_id: saltOf(request.cacheNamespace),
    stop_token_ids: [...(body.stop_token_ids ?? [])],
    ignore_eos: body.ignore_eos,
    include_stop_token_in_output: true,
  };
}

/** Requests of another namespace find nothing that this one cached. */
const saltOf = (namespace: string): number =>
  createHash("sha256").update(namespace).digest().readUIntBE(0, SALT_BYTES);
