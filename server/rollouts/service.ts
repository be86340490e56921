/** What fronts need of the rollouts' life: accept one, read its event log, end it. */
import type { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { FinishCause, Rollout } from "../contract/rollout.ts";
import type { TokenChunk } from "../contract/tokens.ts";
import type { MoveReason } from "../scheduler/card.ts";
import type { StoredSide } from "./side-store.ts";

export type RolloutState = "queued" | "running" | "held" | "finished";

/** One entry of a rollout's append-only log; its sequence number is its index. */
export type RolloutEvent =
  | { readonly type: "accepted"; readonly id: string }
  | {
      readonly type: "placed";
      readonly worker: string;
      readonly version: number;
      readonly attempt: number;
    }
  | { readonly type: "tokens"; readonly chunk: TokenChunk }
  | {
      readonly type: "moved";
      readonly from: string;
      readonly to: string;
      readonly reason: MoveReason;
      readonly resume: "none" | "prefill";
      /** Output tokens that stay valid; the next `tokens` start here. Fewer than were sent = a restart. */
      readonly keptTokens: number;
    }
  | { readonly type: "held"; readonly reason: string }
  | { readonly type: "finished"; readonly result: Result }
  | { readonly type: "error"; readonly error: PacelineError };

export type MomentName = Exclude<RolloutEvent["type"], "tokens" | "accepted"> | "first_token";

export interface Moment {
  /** Since accept, ms. */
  readonly atMs: number;
  readonly event: MomentName;
  /** Output tokens that existed then. */
  readonly outputTokens: number;
  readonly worker: string | null;
  readonly version: number | null;
  readonly attempt: number | null;
  /** Why it was held or moved, how it finished, or the error's code. */
  readonly reason: string | null;
}

export interface RolloutTimeline {
  /** Wall time of accept, ms since the Unix epoch. */
  readonly acceptedAtMs: number;
  /** In order; the first `LIMITS.timelineMoments` of them. */
  readonly moments: readonly Moment[];
  readonly dropped: number;
}

export interface RolloutProgress {
  readonly id: string;
  readonly job: string;
  readonly state: RolloutState;
  readonly outputTokens: number;
  readonly worker: string | null;
  readonly attempts: number;
}

export interface RolloutHandle {
  readonly id: string;
  readonly job: string;
  progress(): RolloutProgress;
  /** Events so far: the sequence number of the next one. */
  readonly eventCount: number;
  /** When what happened to it, so far. */
  moments(): RolloutTimeline;
  /** The Result, or throws the PacelineError that ended the rollout. */
  result(): Promise<Result>;
  /**
   * Events from sequence number `from`, then as they come, ending after `finished` or `error`. A
   * reader is a cursor: a slow one costs one integer. Batches: all that is there since the last pull,
   * with consecutive token chunks of one version coalesced.
   */
  events(
    from: number,
    signal: AbortSignal,
  ): AsyncIterable<readonly { readonly seq: number; readonly event: RolloutEvent }[]>;
  /**
   * A reader stays attached until it calls the returned function. When the last one leaves an
   * unfinished rollout it ends: at once if all were unary, `detach_ms` later if one streamed.
   */
  attach(kind: "unary" | "stream"): () => void;
}

export interface RolloutService {
  /** Joins what runs or has finished under the same (job, id) and body; throws `conflict` for another body. */
  submit(rollout: Rollout): RolloutHandle;
  /** Throws `not_found`. */
  get(job: string, id: string): RolloutHandle;
  /** Side data that a Result of this job names. Throws `not_found`, `expired`. */
  side(job: string, ref: string): StoredSide;
  /** Ends a rollout with what it has, or without where that is `dropped`: finish_reason `abort` and `cause`. Answers its Result. */
  abort(job: string, id: string, cause: FinishCause, dropped?: boolean): Promise<Result>;
  /**
   * Holds what a rollout has made until the same body is submitted again; nothing happens while somebody else reads it. False: it
   * has ended, maybe just now with cause `need`, since it could not rightly go on (I5).
   */
  keep(job: string, id: string): boolean;
  /** Ends all rollouts that a job has now; answers how many. */
  abortJob(job: string, cause: FinishCause): Promise<number>;
  /** Takes nothing new; resolves when all have ended, or when `timeoutMs` is over, after ending the rest as `drain`. */
  drain(timeoutMs: number): Promise<void>;
}
