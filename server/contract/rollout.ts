/**
 * A rollout as every part of the server sees it: decoded, checked and with its defaults in place.
 * The wire's shape (snake_case, optional fields) is in `schema.ts`; codecs translate.
 */
import type { Label, OnUpdate, VersionConstraint } from "./policy.ts";
import type { ExpertsWant } from "./routed-experts.ts";

/** Which distribution a logprob is taken from; see `docs/contract.md`. */
export type LogprobMode = "processed" | "tempered" | "penalised" | "raw";

/** How to sample; a trainer's rollouts have it in common. */
export interface SamplingRule {
  /** Tokens to sample at most, counting those of `continueFrom`. 0 scores the prompt only. */
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 = off. */
  readonly topK: number;
  readonly minP: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly repetitionPenalty: number;
  readonly stopTokenIds: readonly number[];
  readonly stop: readonly string[];
  readonly ignoreEos: boolean;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly allowedTokenIds: readonly number[];
  readonly badWords: readonly string[];
  readonly structured: unknown;
  /** Parameters for one kind of engine, passed as they are. */
  readonly engine: Readonly<Record<string, unknown>>;
}

export interface Sampling extends SamplingRule {
  readonly seed: number;
}

export interface GroupRef {
  readonly id: string;
  readonly size: number;
  readonly index: number;
}

export interface SessionRef {
  readonly id: string;
  readonly turn: number;
  readonly branch: number;
  readonly final: boolean;
}

export interface Hints {
  readonly expectedNewTokens: number | null;
  readonly nextTurn: boolean;
  readonly latency: "throughput" | "interactive";
}

export interface Want {
  /** Any of these modes will do; a worker that gives none of them is not eligible. */
  readonly logprobModes: readonly LogprobMode[];
  readonly promptLogprobs: { readonly start: number } | null;
  readonly topLogprobs: number;
  readonly routedExperts: ExpertsWant | null;
  readonly samplingMask: boolean;
  /** Side data goes by reference, whatever its size. */
  readonly sideByRef: boolean;
}

/** What becomes of a rollout whose lag limit it can no longer meet. */
export type OnInfeasible = "drop" | "requeue" | "flag";

/** Tokens of an earlier, partial rollout to go on from. */
export interface Continuation {
  readonly outputTokenIds: Uint32Array;
  readonly logprobs: Float32Array;
  readonly spans: readonly Span[];
}

export interface Rollout {
  readonly id: string;
  /** Of the body as the caller sent it, whatever its encoding; a minted id or seed is not part of it (I4). */
  readonly bodyHash: string;
  /** W3C trace context of the call that brought it; no part of the body. */
  readonly traceparent: string | null;
  readonly job: string;
  readonly policy: string;
  /** Where it asked to run. */
  readonly pool: string | null;
  /** Where its job lets it run where it did not ask; empty = anywhere. */
  readonly pools: readonly string[];
  /** Whether it may go on on another kind of engine. */
  readonly mixedEngines: boolean;
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingRule;
  /** Unsigned, below 2^53; minted at accept where the caller gave none. */
  readonly seed: number;
  readonly continueFrom: Continuation | null;
  readonly group: GroupRef | null;
  readonly session: SessionRef | null;
  readonly version: VersionConstraint | null;
  /** `null`: the job's, else the publication's, else the policy's. */
  readonly onUpdate: OnUpdate | null;
  /** How long an update waits for it where it is to finish, ms; `null`: the publication's, else the policy's. */
  readonly updateGraceMs: number | null;
  readonly onInfeasible: OnInfeasible;
  readonly cacheReuse: "version" | "session";
  readonly resume: "required" | "best" | "never";
  /** Lower runs first. */
  readonly priority: number;
  readonly hints: Hints;
  readonly want: Want;
  readonly timeoutMs: number | null;
  readonly deliver: "reply" | "feed";
}

export type KvAge = "pure" | "mixed" | "unknown";

/** Half-open over output tokens; contiguous, covering all of them (I2). */
export interface Span {
  readonly version: number;
  readonly label: Label | null;
  readonly baseVersion: number | null;
  readonly start: number;
  readonly end: number;
  /**
   * `pure`: every attended KV entry is of this span's version; `mixed`: what was there before it was left as it was;
   * `unknown`: nobody can tell whether its engine left it or computed it anew.
   */
  readonly kv: KvAge;
  readonly attested: "engine" | "coordinator" | "none";
}

export type ResumeKind = "none" | "cache" | "transfer" | "prefill";

/** Tokens made in one stay on one slot under one version. */
export interface Segment {
  /** `null`: tokens of `continue`, which were made by another rollout. */
  readonly worker: string | null;
  readonly slot: number;
  readonly incarnation: string;
  readonly attempt: number;
  readonly start: number;
  readonly end: number;
  readonly resume: ResumeKind;
  readonly logprobMode: LogprobMode;
  readonly numerics: { readonly dtype: string };
}

export type FinishType = "stop" | "length" | "abort";
export type FinishCause =
  | "eos"
  | "stop_id"
  | "stop_string"
  | "max_new"
  | "context"
  | "kv"
  | "client"
  | "timeout"
  | "need"
  | "stale"
  | "drain";

export interface FinishReason {
  readonly type: FinishType;
  readonly cause: FinishCause;
  /** The stop id or string that matched. */
  readonly matched: number | string | null;
}

/** Whether something that asked for `pool`, or else may use `pools`, may run in pool `name`. */
export const mayUsePool = (
  { pool, pools }: { readonly pool: string | null; readonly pools: readonly string[] },
  name: string,
): boolean => (pool === null ? pools.length === 0 || pools.includes(name) : pool === name);

/** Key of a rollout in every map: ids are scoped by job. Neither part can hold a slash. */
export const rolloutKey = (job: string, id: string): string => `${job}/${id}`;

/** Key of a session, scoped likewise. */
export const sessionKey = (job: string, id: string): string => `${job}/${id}`;
