/**
 * Whether a rollout may rightly go on from its tokens on an engine with these capabilities (I5), and
 * what is asked of the next worker. Where it cannot be right: start over with the waste counted, or
 * refuse, as the rollout's `resume` says.
 */
import type { Rollout, SamplingRule } from "../contract/rollout.ts";
import type { Capabilities, SamplingFeature } from "../contract/worker.ts";

/** All that there are, shared by the cards that wait. */
export const RESUME_NEEDS = {
  nothing: { seeded: false, penalties: false },
  seeded: { seeded: true, penalties: false },
  penalties: { seeded: false, penalties: true },
  both: { seeded: true, penalties: true },
} as const satisfies Record<string, Capabilities["resume"]>;

/** What an engine must prove for this rollout to be continued from its tokens. */
export function resumeNeeds({ sampling }: Rollout): Capabilities["resume"] {
  const seeded = sampling.temperature > 0;
  const penalties =
    sampling.presencePenalty !== 0 ||
    sampling.frequencyPenalty !== 0 ||
    sampling.repetitionPenalty !== 1;
  if (penalties) return seeded ? RESUME_NEEDS.both : RESUME_NEEDS.penalties;
  return seeded ? RESUME_NEEDS.seeded : RESUME_NEEDS.nothing;
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

/**
 * Whether the scheduler may end an attempt early and have the rollout go on elsewhere, on engines that resume seeded
 * sampling right. Not where more than that must be proven, nor where it asked to finish where it began.
 */
export function mayBeCut(rollout: Rollout): boolean {
  const { resume, onUpdate, sampling } = rollout;
  if (resume === "never" || onUpdate === "finish" || sampling.structured !== null) return false;
  return !resumeNeeds(rollout).penalties;
}

const FEATURES: readonly (readonly [SamplingFeature, (sampling: SamplingRule) => boolean])[] = [
  ["temperature", (s) => s.temperature !== 1],
  ["top_p", (s) => s.topP !== 1],
  ["top_k", (s) => s.topK > 0],
  ["min_p", (s) => s.minP > 0],
  ["presence_penalty", (s) => s.presencePenalty !== 0],
  ["frequency_penalty", (s) => s.frequencyPenalty !== 0],
  ["repetition_penalty", (s) => s.repetitionPenalty !== 1],
  ["logit_bias", (s) => s.logitBias.size > 0],
  ["stop_token_ids", (s) => s.stopTokenIds.length > 0],
  ["min_new_tokens", (s) => s.minNewTokens > 0],
  ["ignore_eos", (s) => s.ignoreEos],
  ["allowed_token_ids", (s) => s.allowedTokenIds.length > 0],
  ["bad_words", (s) => s.badWords.length > 0],
  ["structured", (s) => s.structured !== null],
];

/** By the bits of what is used: at most 2^14, each made once and shared by the cards that wait. */
const USED = new Map<number, readonly SamplingFeature[]>();

/** Sampling features that this rollout really uses: a worker without one is not eligible (I6). Stop strings are matched by us. */
export function featuresOf({ sampling }: Rollout): readonly SamplingFeature[] {
  let bits = 0;
  for (const [at, [, uses]] of FEATURES.entries()) if (uses(sampling)) bits |= 1 << at;
  let used = USED.get(bits);
  if (used === undefined) {
    used = FEATURES.filter((_, at) => bits & (1 << at)).map(([feature]) => feature);
    USED.set(bits, used);
  }
  return used;
}
