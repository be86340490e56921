/**
 * What the scheduler knows of a rollout: lengths and prefix hashes, never tokens, closures or signals,
 * so that it travels between replicas as it is.
 */
import type { OnUpdate, VersionConstraint } from "../contract/policy.ts";
import type { LogprobMode } from "../contract/rollout.ts";
import type { SamplingFeature } from "../contract/worker.ts";

/** Tokens in one block of `Card.prefix`. */
export const PREFIX_BLOCK_TOKENS = 256;

export interface SideNeeds {
  readonly promptLogprobs: boolean;
  /** Alternatives at each position, at most so many; 0 = none. */
  readonly topLogprobs: number;
  readonly samplingMask: boolean;
  /** Absent: no. */
  readonly routedExperts?: boolean;
}

/** One wish for a place, for one attempt of a rollout. */
export interface Card {
  /** `rolloutKey(job, id)`. */
  readonly key: string;
  readonly job: string;
  readonly policy: string;
  readonly pool: string | null;
  /** Pools that will do where `pool` names none; empty = all. */
  readonly pools: readonly string[];
  /** Number of the attempt that this offer is for, from 1: fences everything that comes late. */
  readonly attempt: number;
  readonly promptTokens: number;
  /** Output tokens that exist already and would be prefilled. */
  readonly outputTokens: number;
  /** Upper limit of all output tokens, those that exist included. */
  readonly maxNewTokens: number;
  readonly expectedNewTokens: number | null;
  /** Chain hashes (u32) of the prompt's blocks of `PREFIX_BLOCK_TOKENS`, for cache affinity; another policy has others. */
  readonly prefix: readonly number[];
  readonly priority: number;
  readonly session: string | null;
  /** Whether the session has another turn after this one; absent: nobody says. */
  readonly nextTurn?: boolean;
  readonly group: { readonly id: string; readonly size: number; readonly index: number } | null;
  readonly constraint: VersionConstraint | null;
  /** Version of the last token made; a worker that holds it comes first, an older one never. */
  readonly lastVersion: number | null;
  readonly onUpdate: OnUpdate | null;
  /** How long an update waits for it where it is to finish, ms; `null`: as the update says. */
  readonly updateGraceMs: number | null;
  readonly logprobModes: readonly LogprobMode[];
  readonly features: readonly SamplingFeature[];
  /** What the worker must give beside tokens; `null`: nothing. */
  readonly side: SideNeeds | null;
  /** What the worker must be able to resume, where `outputTokens > 0` or a later move must be right. */
  readonly resume: { readonly seeded: boolean; readonly penalties: boolean };
  /** A deliberate cut is allowed: going on from its tokens is right wherever `resume.seeded` is proven, and its job lets it. */
  readonly cuttable: boolean;
  /** Last committed version under which it must have finished, or its oldest tokens are too old; `null`: none. */
  readonly deadlineVersion: number | null;
  /** Key of its prompt's history, the same in every step and after a restart; `null`: nothing is learned of it. */
  readonly prompt: string | null;
  /** Workers that this rollout must not return to (they failed it), by incarnation. */
  readonly avoid: readonly string[];
  /** Kind of engine of the earlier attempts; another is not eligible unless the job allows it. */
  readonly engine: string | null;
  /** Clock time of accept, for order and queue time. */
  readonly acceptedAt: number;
}

/** Tokens that a slot must hold at least: the context and, where one may still be made, one token. */
export const leastTokens = (card: Card): number =>
  card.promptTokens + card.outputTokens + Math.min(1, card.maxNewTokens - card.outputTokens);

/** `cut`: the attempt has made its segment, and an offer of the same key follows; no fault of anybody. */
export type Outcome = "finished" | "aborted" | "lost" | "failed" | "revoked" | "cut";

export type RevokeReason = "worker_lost" | "update" | "drain" | "stuck" | "pool_moved";

/** Why a rollout goes on in another attempt. `kept`: it was not needed, was kept, and is asked for again. */
export type MoveReason = RevokeReason | "lost" | "failed" | "cut" | "stale" | "kept";

/** Error code that a rollout ends in if it times out while held for this reason. */
export type HeldReason = "no_eligible_worker" | "version_unavailable" | "queue" | "session_paused";
