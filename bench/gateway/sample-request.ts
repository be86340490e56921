/** A request as the embedded engine's wire has it, for the yardstick that speaks to the engine alone. */
import type { GenerateBody } from "../../adapters/embedded/wire.ts";

export function sampleRequest(
  id: string,
  promptBase64: string,
  tokens: number,
  seed: number,
): GenerateBody {
  return {
    request_id: id,
    policy: "default",
    prompt_token_ids: promptBase64,
    output_token_ids: "",
    sampling: {
      max_new_tokens: tokens,
      min_new_tokens: 0,
      temperature: 1,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      presence_penalty: 0,
      frequency_penalty: 0,
      repetition_penalty: 1,
      stop_token_ids: [],
      ignore_eos: true,
      seed,
      logit_bias: [],
    },
    sibling_index: 0,
    logprob_mode: "processed",
    cache_namespace: "bench",
    priority: 0,
  };
}
