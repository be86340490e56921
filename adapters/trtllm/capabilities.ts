/** What TensorRT-LLM can do on each of its wires; what its operator must tell is not in it. */
import type { Capabilities } from "../../server/contract/worker.ts";

/** What `/v1/completions` can do. `logprobs` of other ids come as text, which ids cannot be told from. */
export const CAPABILITIES: Capabilities = {
  logprobModes: [],
  sampling: [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "stop_token_ids",
    "min_new_tokens",
    "ignore_eos",
    "seed",
  ],
  resume: { seeded: true, penalties: false },
  spans: "none",
  journal: "stream",
  sessionCache: false,
  pause: ["abort"],
  sleep: false,
  weights: { stage: false, proof: "reported" },
  promptLogprobs: false,
  maxTopLogprobs: 0,
  samplingMask: false,
};

/** By gRPC a bias is a row over the whole vocabulary, which nobody has confirmed to be added where ours is. */
export const GRPC_CAPABILITIES: Capabilities = {
  ...CAPABILITIES,
  sampling: CAPABILITIES.sampling.filter((one) => one !== "logit_bias"),
};
