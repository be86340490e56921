/** The wire's Rollout. `null` is the same as absent everywhere; an unknown field is an error. */
import { z } from "zod";
import {
  between,
  type Encoding,
  exactlyOne,
  floatArray,
  freeJson,
  id,
  int32,
  uint32,
  uint32Array,
  uint53,
} from "./schema.ts";

/** The bounds that a Rollout is held to; `server/limits.ts` has the figures and their reasons. */
export interface RolloutLimits {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly stopTokenIds: number;
  readonly stopStrings: number;
  readonly stopStringChars: number;
  readonly allowedTokenIds: number;
  readonly badWords: number;
  readonly logitBiasEntries: number;
  readonly groupSize: number;
  readonly topLogprobs: number;
  readonly mediaItems: number;
  readonly requiredFeatures: number;
  readonly jsonDepth: number;
}

export const onUpdate = () => z.enum(["keep", "reprefill", "finish"]);
export const logprobMode = () => z.enum(["processed", "tempered", "penalised", "raw"]);

export const label = () => z.strictObject({ run: id(), step: uint53() });

export const groupRef = (largest: number) =>
  z
    .strictObject({ id: id(), size: uint32(1, largest), index: uint32() })
    .refine(({ size, index }) => index < size, {
      path: ["index"],
      message: "must be below `size`",
    });

export const sessionRef = () =>
  z.strictObject({
    id: id(),
    turn: uint32().nullish(),
    branch: uint32().nullish(),
    final: z.boolean().nullish(),
  });

export const span = () =>
  z.strictObject({
    version: uint53(),
    label: label().nullish(),
    base_version: uint53().nullish(),
    start: uint32(),
    end: uint32(),
    kv: z.enum(["pure", "mixed", "unknown"]),
    attested: z.enum(["engine", "coordinator", "none"]),
  });

export const versionConstraint = () =>
  z
    .strictObject({
      exact: uint53().nullish(),
      min: uint53().nullish(),
      max_lag: uint53().nullish(),
      min_step: uint53().nullish(),
    })
    .refine(exactlyOne, "must hold exactly one of exact, min, max_lag, min_step");

const text = (longest: number) => z.string().min(1, "must not be empty").max(longest);

function sampling(encoding: Encoding, limits: RolloutLimits) {
  return z.strictObject({
    max_new_tokens: uint32(0, limits.outputTokens).nullish(),
    max_total_tokens: uint32(1, limits.promptTokens + limits.outputTokens).nullish(),
    min_new_tokens: uint32(0, limits.outputTokens).nullish(),
    temperature: between(0, 100).nullish(),
    top_p: between(0, 1).gt(0, "must be above 0").nullish(),
    top_k: int32(-1).nullish(),
    min_p: between(0, 1).nullish(),
    presence_penalty: between(-2, 2).nullish(),
    frequency_penalty: between(-2, 2).nullish(),
    repetition_penalty: between(0, 100).gt(0, "must be above 0").nullish(),
    stop_token_ids: uint32Array(encoding, { max: limits.stopTokenIds }).nullish(),
    stop: z.array(text(limits.stopStringChars)).max(limits.stopStrings).nullish(),
    ignore_eos: z.boolean().nullish(),
    seed: uint53().nullish(),
    logit_bias: z
      .record(z.string().regex(/^(0|[1-9][0-9]{0,9})$/, "must be a token id"), between(-100, 100))
      .refine(
        (bias) => Object.keys(bias).length <= limits.logitBiasEntries,
        `must hold at most ${limits.logitBiasEntries} entries`,
      )
      .refine(
        (bias) => Object.keys(bias).every((token) => Number(token) <= 0xffff_ffff),
        "must have token ids below 2^32 as keys",
      )
      .nullish(),
    allowed_token_ids: uint32Array(encoding, { max: limits.allowedTokenIds }).nullish(),
    bad_words: z.array(text(limits.stopStringChars)).max(limits.badWords).nullish(),
    structured: freeJson(limits.jsonDepth).nullish(),
    engine: z.record(z.string(), freeJson(limits.jsonDepth)).nullish(),
  });
}

export const continuation = (encoding: Encoding, limits: RolloutLimits) =>
  z.strictObject({
    output_token_ids: uint32Array(encoding, { max: limits.outputTokens }),
    logprobs: floatArray(encoding, { max: limits.outputTokens }),
    spans: z.array(span()).max(limits.outputTokens),
  });

const media = () =>
  z.strictObject({
    kind: z.string(),
    sha256: z.string().nullish(),
    uri: z.string().nullish(),
    placeholder: z.strictObject({ offset: uint32(), length: uint32() }).nullish(),
  });

const hints = (limits: RolloutLimits) =>
  z.strictObject({
    expected_new_tokens: uint32(0, limits.outputTokens).nullish(),
    next_turn: z.boolean().nullish(),
    latency: z.enum(["throughput", "interactive"]).nullish(),
  });

const want = (limits: RolloutLimits) =>
  z.strictObject({
    logprob_modes: z.array(logprobMode()).max(4).nullish(),
    prompt_logprobs: z.strictObject({ start: uint32() }).nullish(),
    top_logprobs: uint32(0, limits.topLogprobs).nullish(),
    routed_experts: z.boolean().nullish(),
    /** Position in prompt and output of the first row; default 0, at most the prompt's length. */
    routed_experts_start: uint32().nullish(),
    /** Side data goes by reference, whatever its size. */
    side_by_ref: z.boolean().nullish(),
    sampling_mask: z.boolean().nullish(),
  });

export const createRolloutSchema = (encoding: Encoding, limits: RolloutLimits) =>
  z.strictObject({
    id: id().nullish(),
    job: id().nullish(),
    policy: id().nullish(),
    pool: id().nullish(),
    prompt_token_ids: uint32Array(encoding, { min: 1, max: limits.promptTokens }),
    media: z.array(media()).max(limits.mediaItems).nullish(),
    sampling: sampling(encoding, limits),
    continue: continuation(encoding, limits).nullish(),
    group: groupRef(limits.groupSize).nullish(),
    session: sessionRef().nullish(),
    version: versionConstraint().nullish(),
    on_update: onUpdate().nullish(),
    cache: z.strictObject({ reuse: z.enum(["version", "session"]).nullish() }).nullish(),
    resume: z.enum(["required", "best", "never"]).nullish(),
    priority: int32().nullish(),
    hints: hints(limits).nullish(),
    want: want(limits).nullish(),
    timeout_ms: uint32(1).nullish(),
    deliver: z.enum(["reply", "feed"]).nullish(),
    encoding: z.enum(["json", "b64"]).nullish(),
    required_features: z.array(z.string()).max(limits.requiredFeatures).nullish(),
  });

/** Names one rollout: the gRPC calls Get and Abort. */
export const rolloutRef = () =>
  z.strictObject({ id: id(), job: id().nullish(), timeline: z.boolean().nullish() });

export type WireRollout = z.infer<ReturnType<typeof createRolloutSchema>>;
