/**
 * Whether a rollout may rightly go on from its tokens on an engine with these capabilities (I5), and
 * what is asked of the next worker. Where it cannot be right: start over with the waste counted, or
 * refuse, as the rollout's `resume` says.
 */
import type { Rollout } from "../contract/rollout.ts";
import type { Capabilities, SamplingFeature } from "../contract/worker.ts";

/** What an engine must prove for this rollout to be continued from its tokens. */
export function resumeNeeds(rollout: Rollout): Capabilities["resume"] {
  const { sampling } = rollout;
  return {
    seeded: sampling.temperature > 0,
    penalties:
      sampling.presencePenalty !== 0 ||
      sampling.frequencyPenalty !== 0 ||
      sampling.repetitionPenalty !== 1,
  };
}

/** What is left of a rollout's tokens when its attempt has ended without an end. */
export function afterLoss(
  rollout: Rollout,
  outputTokens: number,
  capabilities: Capabilities,
): "continue" | "restart" | "refuse" {
  if (outputTokens === 0) return "continue";
  const needs = resumeNeeds(rollout);
  const right =
    (!needs.seeded || capabilities.resume.seeded) &&
    (!needs.penalties || capabilities.resume.penalties);
  if (rollout.resume === "required") return right ? "continue" : "refuse";
  return right && rollout.resume === "best" ? "continue" : "restart";
}

/** Sampling features that this rollout really uses: a worker without one is not eligible (I6). Stop strings are matched by us. */
export function featuresOf(rollout: Rollout): SamplingFeature[] {
  const s = rollout.sampling;
  const used: readonly (readonly [SamplingFeature, boolean])[] = [
    ["temperature", s.temperature !== 1],
    ["top_p", s.topP !== 1],
    ["top_k", s.topK > 0],
    ["min_p", s.minP > 0],
    ["presence_penalty", s.presencePenalty !== 0],
    ["frequency_penalty", s.frequencyPenalty !== 0],
    ["repetition_penalty", s.repetitionPenalty !== 1],
    ["logit_bias", s.logitBias.size > 0],
    ["stop_token_ids", s.stopTokenIds.length > 0],
    ["min_new_tokens", s.minNewTokens > 0],
    ["ignore_eos", s.ignoreEos],
    ["allowed_token_ids", s.allowedTokenIds.length > 0],
    ["bad_words", s.badWords.length > 0],
    ["structured", s.structured !== null],
  ];
  return used.filter(([, on]) => on).map(([feature]) => feature);
}
