/** The wire's Result, progress, error and stream events: what a server writes and a client reads. */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "./errors.ts";
import {
  double,
  type Encoding,
  floatArray,
  id,
  promptLogprobArray,
  uint32,
  uint32Array,
  uint53,
} from "./schema.ts";
import { groupRef, logprobMode, sessionRef, span } from "./schema-rollout.ts";

export type WireSpan = z.infer<ReturnType<typeof span>>;

/** Longest arrays that a reader takes. */
export interface ResultLimits {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly groupSize: number;
  readonly topLogprobs: number;
  readonly samplingMaskIds: number;
  readonly sideInlineBytes: number;
}

const finishReason = () =>
  z.strictObject({
    type: z.enum(["stop", "length", "abort"]),
    cause: z.enum([
      "eos",
      "stop_id",
      "stop_string",
      "max_new",
      "context",
      "kv",
      "client",
      "timeout",
      "need",
      "stale",
      "drain",
    ]),
    /** The stop id or the stop string. */
    matched: z.union([uint32(), z.string()]).nullish(),
  });

const resumeKind = () => z.enum(["none", "cache", "transfer", "prefill"]);

const segment = () =>
  z.strictObject({
    worker: id().nullish(),
    slot: uint32(),
    incarnation: z.string(),
    attempt: uint32(),
    start: uint32(),
    end: uint32(),
    resume: resumeKind(),
    logprob_mode: logprobMode(),
    numerics: z.strictObject({ dtype: z.string() }),
  });

const routing = () =>
  z.strictObject({
    worker: id().nullish(),
    queue_ms: double(),
    prefill_ms: double(),
    decode_ms: double(),
    cached_tokens: uint32(),
    attempts: uint32(),
    moves: uint32(),
  });

const usage = () =>
  z.strictObject({ prompt_tokens: uint32(), output_tokens: uint32(), wasted_tokens: uint53() });

/** Flagged: older than its lag limit, which its job keeps all the same. */
const stale = () => z.strictObject({ lag: uint53(), max_lag: uint53() });

/** One row a token; fewer entries than were asked for where the distribution holds fewer. */
const topLogprobs = (encoding: Encoding, limits: ResultLimits) => {
  const entries = { min: 1, max: limits.topLogprobs };
  return z.strictObject({
    ids: z.array(uint32Array(encoding, entries)),
    logprobs: z.array(floatArray(encoding, entries)),
  });
};

/** The ids of output token i are `ids[offsets[i], offsets[i + 1])`. */
const samplingMask = (encoding: Encoding, limits: ResultLimits) =>
  z.strictObject({
    ids: uint32Array(encoding, { max: limits.samplingMaskIds }),
    offsets: uint32Array(encoding, { min: 1, max: limits.outputTokens + 1 }),
  });

/** `data` or `ref`, which `GET /v1/side/{ref}` answers while the Result is kept. Of both the little-endian bytes in C order. */
const routedExperts = (limits: ResultLimits) =>
  z.strictObject({
    dtype: z.enum(["uint8", "uint16", "int32"]),
    first_position: uint32(),
    /** [rows, layers, experts a token], or [rows, experts of all layers]. */
    shape: z.array(uint32()).min(1).max(3),
    source: z.enum(["sampled", "recomputed"]),
    bytes: uint53(),
    crc32: uint32(),
    data: z
      .base64()
      .max(Math.ceil((4 * limits.sideInlineBytes) / 3) + 4)
      .nullish(),
    ref: id().nullish(),
  });

/** What `GET /v1/side/{ref}` answers while the Result is kept, in place of the array or object of its name. */
const storedPart = () =>
  z.strictObject({ ref: id(), bytes: uint53(), rows: uint32(), entries: uint32() });

const storedSide = () =>
  z.strictObject({
    prompt_logprobs: storedPart().nullish(),
    top_logprobs: storedPart().nullish(),
    sampling_mask: storedPart().nullish(),
  });

export const createResultSchema = (encoding: Encoding, limits: ResultLimits) =>
  z.strictObject({
    id: id(),
    job: id(),
    policy: id(),
    group: groupRef(limits.groupSize).nullish(),
    session: sessionRef().nullish(),
    output_token_ids: uint32Array(encoding, { max: limits.outputTokens }),
    logprobs: floatArray(encoding, { max: limits.outputTokens }),
    logprob_mode: logprobMode(),
    finish_reason: finishReason(),
    spans: z.array(span()),
    segments: z.array(segment()),
    routing: routing(),
    usage: usage(),
    stale: stale().nullish(),
    /** One entry a prompt token from where it was asked for; null (NaN in binary) for the prompt's first. */
    prompt_logprobs: promptLogprobArray(encoding, { min: 1, max: limits.promptTokens }).nullish(),
    prompt_version: uint53().nullish(),
    top_logprobs: topLogprobs(encoding, limits).nullish(),
    side: z
      .strictObject({
        sampling_mask: samplingMask(encoding, limits).nullish(),
        routed_experts: routedExperts(limits).nullish(),
        stored: storedSide().nullish(),
      })
      .nullish(),
  });

const moment = () =>
  z.strictObject({
    /** Since accept. */
    at_ms: double(),
    event: z.enum(["placed", "first_token", "moved", "held", "finished", "error"]),
    output_tokens: uint32(),
    worker: id().nullish(),
    version: uint53().nullish(),
    attempt: uint32().nullish(),
    reason: z.string().nullish(),
  });

export const timeline = () =>
  z.strictObject({
    accepted_at_ms: double(),
    moments: z.array(moment()),
    dropped: uint32(),
  });

export const progress = () =>
  z.strictObject({
    id: id(),
    job: id(),
    state: z.enum(["queued", "running", "held", "finished"]),
    output_tokens: uint32(),
    worker: id().nullish(),
    attempts: uint32(),
    /** Where it was asked for. */
    timeline: timeline().nullish(),
  });

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const error = () =>
  z.strictObject({
    code: z.enum(CODES),
    boundary: z.enum([
      "client",
      "admission",
      "routing",
      "engine",
      "weights",
      "feed",
      "store",
      "internal",
    ]),
    message: z.string(),
    retryable: z.boolean(),
    retry_after_ms: double().nullish(),
    details: z.record(z.string(), z.json()),
    kept: z.strictObject({ output_tokens: uint32() }).nullish(),
  });

/** Data of each stream event, by its name. `finished` is a Result without the arrays already sent. */
export const createEventSchemas = (encoding: Encoding, limits: ResultLimits) => ({
  accepted: z.strictObject({ id: id() }),
  placed: z.strictObject({ worker: id(), version: uint53(), attempt: uint32() }),
  tokens: z.strictObject({
    start: uint32(),
    output_token_ids: uint32Array(encoding, { max: limits.outputTokens }),
    logprobs: floatArray(encoding, { max: limits.outputTokens }),
    version: uint53().nullish(),
    mixed: z.boolean().nullish(),
  }),
  moved: z.strictObject({
    from: id(),
    to: id(),
    reason: z.enum([
      "worker_lost",
      "update",
      "drain",
      "stuck",
      "pool_moved",
      "lost",
      "failed",
      "cut",
      "stale",
      "kept",
    ]),
    resume: resumeKind(),
    kept_tokens: uint32(),
  }),
  held: z.strictObject({ reason: z.string() }),
  finished: createResultSchema(encoding, limits).omit({ output_token_ids: true, logprobs: true }),
  error: z.strictObject({ error: error() }),
});

export type WireProgress = z.infer<ReturnType<typeof progress>>;
export type WireResult = z.infer<ReturnType<typeof createResultSchema>>;
