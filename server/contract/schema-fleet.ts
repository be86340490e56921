/** The wire's workers: registration, leases, control, and what a server tells of them. */
import { z } from "zod";
import { anyDouble, double, id, uint32, uint53 } from "./schema.ts";
import { label, logprobMode } from "./schema-rollout.ts";
import { ENGINE_KINDS } from "./worker.ts";

export interface FleetLimits {
  readonly policies: number;
}

const engineKind = () => z.enum(ENGINE_KINDS);
const role = () => z.enum(["full", "prefill", "decode"]);
const proof = () => z.enum(["digest", "receipt", "reported"]);
const pauseMode = () => z.enum(["keep", "retract", "abort"]);

const parallel = () =>
  z.strictObject({
    tp: uint32(1).nullish(),
    pp: uint32(1).nullish(),
    dp: uint32(1).nullish(),
    ep: uint32(1).nullish(),
  });

/** Goes into a header as it is; what it holds is told to nobody, so neither is what is wrong with it. */
const engineKey = () =>
  z.string().regex(/^[\x21-\x7e]{1,1024}$/, "must be 1 to 1024 visible ASCII");

export const createRegistrationSchema = (limits: FleetLimits) =>
  z.strictObject({
    url: z.url({
      protocol: /^(http|grpc)s?$/,
      error: "must be an http or https URL, or grpc or grpcs of an engine that serves it",
    }),
    engine: engineKind(),
    id: id().nullish(),
    pool: id().nullish(),
    role: role().nullish(),
    parallel: parallel().nullish(),
    policies: z.array(id()).max(limits.policies).nullish(),
    api_key: engineKey().nullish(),
    admin_api_key: engineKey().nullish(),
  });

export const heldVersion = () =>
  z.strictObject({
    policy: id(),
    version: uint53(),
    label: label().nullish(),
    proof: proof(),
    load: uint32(),
    digest: z.string().nullish(),
    /** Of an adapter: the version of its base that it lies on there. */
    base_version: uint53().nullish(),
  });

/** Renewal of a worker's lease, by the incarnation that holds it. */
export const createLeaseSchema = (limits: FleetLimits) =>
  z.strictObject({
    incarnation: z.string().min(1).max(128),
    versions: z.array(heldVersion()).max(limits.policies).nullish(),
  });

/** Body of pause; `keep` freezes requests in place. */
export const pause = () => z.strictObject({ mode: pauseMode().nullish() });

const capabilities = () =>
  z.strictObject({
    logprob_modes: z.array(logprobMode()),
    sampling: z.array(
      z.enum([
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "logit_bias",
        "stop_token_ids",
        "stop",
        "min_new_tokens",
        "ignore_eos",
        "seed",
        "allowed_token_ids",
        "bad_words",
        "structured",
      ]),
    ),
    resume: z.strictObject({ seeded: z.boolean(), penalties: z.boolean() }),
    spans: z.enum(["chunk", "end", "none"]),
    journal: z.enum(["stream", "none"]),
    pause: z.array(pauseMode()),
    sleep: z.boolean(),
    weights: z.strictObject({
      stage: z.boolean(),
      proof: proof(),
      checksum: z.boolean(),
      /** LoRA adapters that it holds at once. */
      adapters: uint32().nullish(),
    }),
    prompt_logprobs: z.boolean(),
    max_top_logprobs: uint32(),
    sampling_mask: z.boolean(),
    routed_experts: z.boolean(),
    session_cache: z.boolean(),
  });

const load = () =>
  z.strictObject({
    running: uint32(),
    waiting: uint32(),
    kv_used_tokens: uint53(),
    kv_total_tokens: uint53(),
    output_tokens: uint53(),
    prefill_tokens: uint53(),
  });

const rates = () =>
  z.strictObject({
    /** Seconds of a decode step: `a + s·batch`. */
    step: z.strictObject({ a: anyDouble(), s: anyDouble() }).nullish(),
    prefill_tokens_per_second: double().nullish(),
  });

export const worker = () =>
  z.strictObject({
    id: id(),
    url: z.string(),
    engine: engineKind(),
    engine_version: z.string(),
    pool: id(),
    role: role(),
    parallel: parallel(),
    policies: z.array(id()),
    state: z.enum([
      "starting",
      "ready",
      "paused",
      "asleep",
      "updating",
      "suspect",
      "draining",
      "poisoned",
      "lost",
    ]),
    reason: z.string().nullish(),
    incarnation: z.string(),
    model: z.string(),
    dtype: z.string(),
    max_model_len: uint32(),
    vocab_size: uint32(),
    slots: z.array(z.strictObject({ index: uint32(), kv_tokens: uint53(), max_running: uint32() })),
    capabilities: capabilities(),
    versions: z.array(heldVersion()),
    load: load().nullish(),
    rates: rates(),
    lease_ms: anyDouble(),
  });

export type WireWorker = z.infer<ReturnType<typeof worker>>;
