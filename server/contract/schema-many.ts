/** The wire's bulk calls: many rollouts in one body with their summary, and groups of siblings. */
import { z } from "zod";
import { anyDouble, between, double, type Encoding, id, uint32, uint53 } from "./schema.ts";
import { error } from "./schema-result.ts";
import { continuation, createRolloutSchema, type RolloutLimits } from "./schema-rollout.ts";

export interface ManyLimits extends RolloutLimits {
  readonly manyRollouts: number;
}

/** What `defaults` may hold: all that rollouts of one call can have in common. */
export const createDefaultsSchema = (encoding: Encoding, limits: RolloutLimits) =>
  createRolloutSchema(encoding, limits)
    .omit({ id: true, prompt_token_ids: true, continue: true })
    .partial();

/** When the call has enough: `server/rollouts/need.ts`. */
export const manyNeed = () =>
  z.strictObject({
    groups: uint32(1),
    /** Default: the group's size. */
    members: uint32(1).nullish(),
    /** Default: `return`. */
    partial: z.enum(["return", "keep", "drop"]).nullish(),
  });

/** The envelope only: each rollout is checked by itself, after the defaults were filled in. */
export const createManySchema = (limits: ManyLimits) =>
  z.strictObject({
    rollouts: z.array(z.record(z.string(), z.unknown())).min(1).max(limits.manyRollouts),
    defaults: z.record(z.string(), z.unknown()).nullish(),
    need: manyNeed().nullish(),
  });

/** A rollout of many that ended in an error. */
export const rolloutError = () => z.strictObject({ id: id(), job: id(), error: error() });

/** A rollout of many that was not needed, and is kept. */
export const rolloutKept = () => z.strictObject({ id: id(), job: id(), kept_tokens: uint32() });

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
    need: needSummary().nullish(),
  });

/** Of a call that said what it needs. */
const needSummary = () =>
  z.strictObject({
    groups: uint32(),
    members: uint32().nullish(),
    whole: uint32(),
    cut: groupCut(),
    kept: groupCut(),
    lengths: lengthBias(),
    off_policy_share: double(),
  });

/** Members beyond those asked for; a job says it for all of its groups. */
export const overIssue = () => between(0, MOST_OVER_ISSUE);
export const backfill = (limits: Pick<RolloutLimits, "groupSize">) => uint32(0, limits.groupSize);

/** Beyond it most of the work is thrown away. */
const MOST_OVER_ISSUE = 4;

/** A Rollout's fields, where `id` names the group, and how many siblings are made and needed. */
export const createGroupSchema = (encoding: Encoding, limits: RolloutLimits) =>
  createRolloutSchema(encoding, limits)
    .omit({ group: true, session: true, continue: true })
    .extend({
      size: uint32(1, limits.groupSize),
      /** Default: all of `size`. */
      need: uint32(1, limits.groupSize).nullish(),
      /** ε: so many more are made, as a share of `size`. Default: where there is no `need`, the job's. */
      over_issue: overIssue().nullish(),
      /** Failed ones that may be replaced, at most. Default: the job's. */
      backfill: backfill(limits).nullish(),
      /** What the first members go on from, one each. */
      continue: z.array(continuation(encoding, limits)).max(limits.groupSize).nullish(),
    })
    .refine(({ size, need }) => (need ?? size) <= size, {
      path: ["need"],
      message: "must be at most `size`",
    });

/** Output tokens; absent where not known. */
const lengths = () =>
  z.strictObject({ mean: double(), p50: uint53().nullish(), p90: uint53().nullish() });

const groupCut = () => z.strictObject({ members: uint32(), tokens: uint53() });

const lengthBias = () =>
  z.strictObject({
    kept: lengths().nullish(),
    all: lengths().nullish(),
    bias: anyDouble().nullish(),
  });

/** What is told of a group once it has ended; `server/rollouts/group-summary.ts` and `length-bias.ts` say how. */
export const groupSummary = () =>
  z.strictObject({
    id: id(),
    size: uint32(),
    need: uint32(),
    finished: uint32(),
    members: uint32(),
    ended: z.enum(["need", "failed", "stale", "timeout", "client", "drain"]),
    replaced: z.array(z.strictObject({ index: uint32(), by: uint32() })),
    cut: groupCut(),
    lengths: lengthBias(),
    off_policy_share: double(),
  });

export type WireGroupSummary = z.infer<ReturnType<typeof groupSummary>>;
export type WireNeed = z.infer<ReturnType<typeof manyNeed>>;
export type WireNeedSummary = z.infer<ReturnType<typeof needSummary>>;
export type WireManySummary = z.infer<ReturnType<typeof manySummary>>;
