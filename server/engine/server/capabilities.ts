/** What an engine process says that it can do; the conformance suite holds it to every word. */

import type { Capabilities } from "../../contract/worker.ts";
import { LIMITS } from "../../limits.ts";

/** Of both kinds: the simulated engine accepts what the embedded one does, so that it can stand in for it. */
export const CAPABILITIES: Capabilities = {
  logprobModes: ["processed", "tempered", "penalised", "raw"],
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
    "allowed_token_ids",
    "bad_words",
  ],
  resume: { seeded: true, penalties: true },
  spans: "chunk",
  journal: "stream",
  sessionCache: true,
  pause: ["keep", "retract", "abort"],
  sleep: true,
  weights: { stage: true, proof: "digest" },
  promptLogprobs: true,
  maxTopLogprobs: LIMITS.topLogprobs,
  samplingMask: true,
};
