/** The wire's bulk calls: many rollouts in one body with their summary, and groups of siblings. */
import { z } from "zod";
import { double, type Encoding, id, uint32, uint53 } from "./schema.ts";
import { error } from "./schema-result.ts";
import { createRolloutSchema, type RolloutLimits } from "./schema-rollout.ts";

export interface ManyLimits extends RolloutLimits {
  readonly manyRollouts: number;
}

/** What `defaults` may hold: all that rollouts of one call can have in common. */
export const createDefaultsSchema = (encoding: Encoding, limits: RolloutLimits) =>
  createRolloutSchema(encoding, limits)
    .omit({ id: true, prompt_token_ids: true, continue: true })
    .partial();

/** The envelope only: each rollout is checked by itself, after the defaults were filled in. */
export const createManySchema = (limits: ManyLimits) =>
  z.strictObject({
    rollouts: z.array(z.record(z.string(), z.unknown())).min(1).max(limits.manyRollouts),
    defaults: z.record(z.string(), z.unknown()).nullish(),
  });

/** A rollout of many that ended in an error. */
export const rolloutError = () => z.strictObject({ id: id(), job: id(), error: error() });

/** The last line of many. `null` is "not known", never a guess; `server/rollouts/summary.ts` has the formula. */
export const manySummary = () =>
  z.strictObject({
    rollouts: uint32(),
    finished: uint32(),
    failed: uint32(),
    output_tokens: uint53(),
    makespan_ms: double(),
    lower_bound_ms: double().nullish(),
    ratio: double().nullish(),
    bound_error: double().nullish(),
    rho: double().nullish(),
    tail_share: double().nullish(),
  });

/** A Rollout's fields, where `id` names the group, and how many siblings are made and needed. */
export const createGroupSchema = (encoding: Encoding, limits: RolloutLimits) =>
  createRolloutSchema(encoding, limits)
    .omit({ group: true, session: true, continue: true })
    .extend({
      size: uint32(1, limits.groupSize),
      /** Default: all of them. */
      need: uint32(1, limits.groupSize).nullish(),
    })
    .refine(({ size, need }) => (need ?? size) <= size, {
      path: ["need"],
      message: "must be at most `size`",
    });

export type WireManySummary = z.infer<ReturnType<typeof manySummary>>;
