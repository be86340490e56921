/**
 * A trace is JSON lines: a header, then one rollout a line. The rollout's fields are Mooncake's (FAST'25: `timestamp` in ms,
 * `input_length`, `output_length`, `hash_ids` of blocks that are equal only after equal beginnings), and ours for groups,
 * sessions and policies, so that a public trace is read as it is: there the header is absent, and the fleet comes from the caller.
 */
import { z } from "zod";
import { LIMITS } from "../../limits.ts";
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";

const name = z.string().min(1).max(LIMITS.idChars);
const tokens = (most: number): z.ZodNumber => z.int().min(1).max(most);
/** A day of virtual time at most. */
const duration = z.number().min(0).max(86_400);
const rate = z.number().gt(0).max(1e9);

const adapters = z.strictObject({
  slots: z.int().min(1).max(1_024),
  load_seconds: duration,
});

const tiers = z.strictObject({
  host_tokens: z.int().min(0),
  host_tokens_per_second: rate,
  pool_tokens_per_second: rate.nullable(),
});

const worker = z.strictObject({
  id: name,
  pool: name.default("default"),
  kv_tokens: z.int().min(1),
  max_running: z.int().min(1),
  step: z.strictObject({ a: z.number().gt(0).max(3_600), s: z.number().min(0).max(3_600) }),
  prefill_tokens_per_second: rate,
  prefill_chunk: z.int().min(1),
  tiers: tiers.nullable().default(null),
  adapters: adapters.nullable().default(null),
});

export const headerSchema = z.strictObject({
  workload: name,
  /** Tokens in one block of `hash_ids`, a multiple of ours. */
  block_tokens: z.int().min(1).multipleOf(PREFIX_BLOCK_TOKENS).default(512),
  policies: z
    .array(z.strictObject({ name, base: name.nullable().default(null) }))
    .min(1)
    .max(LIMITS.policies),
  fleet: z
    .strictObject({ workers: z.array(worker).min(1).max(LIMITS.workers) })
    .nullable()
    .default(null),
  trainer: z
    .strictObject({
      batch_groups: z.int().min(1),
      step_seconds: duration,
      pause_seconds: duration,
      /** As `RoundsSpec`; absent: within a staleness. */
      rounds: z
        .strictObject({
          issue: z.number().min(1).max(100),
          need: z.int().min(1).optional(),
          leftover: z.enum(["resume", "long-round"]),
        })
        .optional(),
    })
    .optional(),
});

export const rolloutSchema = z.strictObject({
  id: name.optional(),
  timestamp: z.number().min(0).max(86_400_000),
  input_length: tokens(LIMITS.promptTokens),
  output_length: tokens(LIMITS.outputTokens),
  /** Absent: the longest output of the file, since a rollout must not give its own length away. */
  max_output_length: tokens(LIMITS.outputTokens).optional(),
  hash_ids: z.array(z.int().min(0)).default([]),
  group: z
    .strictObject({
      id: name,
      size: z.int().min(1).max(LIMITS.groupSize),
      index: z.int().min(0),
    })
    .optional(),
  session: z
    .strictObject({ id: name, turn: z.int().min(0), gap_ms: z.number().min(0).max(86_400_000) })
    .optional(),
  policy: name.optional(),
  prompt: name.optional(),
});

export type TraceHeader = z.output<typeof headerSchema>;
export type TraceRollout = z.output<typeof rolloutSchema>;
