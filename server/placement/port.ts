/**
 * The placement port: how a rollout asks for a worker and gives it back. Plain, serialisable
 * messages: in one process a function call, between replicas the same messages over gRPC. A card
 * holds lengths and prefix hashes, never tokens, closures or signals.
 */
import type { ErrorBody } from "../contract/errors.ts";
import type { LogprobMode } from "../contract/rollout.ts";
import type { Card, HeldReason, Outcome, RevokeReason } from "../scheduler/card.ts";

/** Rollouts → owner. */
export type PlacementRequest =
  | { readonly type: "offer"; readonly card: Card }
  | {
      readonly type: "progress";
      readonly key: string;
      readonly attempt: number;
      readonly outputTokens: number;
    }
  /** The attempt is over and its room is free. `lost` and `failed` also tell against the worker; after `cut` comes an offer. */
  | {
      readonly type: "done";
      readonly key: string;
      readonly attempt: number;
      readonly outcome: Outcome;
      /** All that it has by then: what the owner learns lengths from. */
      readonly outputTokens?: number;
    }
  /** No place is wanted any more (client gone, timeout). */
  | { readonly type: "withdraw"; readonly key: string };

/** Owner → rollouts. */
export type PlacementReply =
  | {
      readonly type: "grant";
      readonly key: string;
      readonly attempt: number;
      readonly worker: string;
      readonly slot: number;
      readonly incarnation: string;
      readonly version: number;
      readonly cacheNamespace: string;
      readonly logprobMode: LogprobMode;
      /** Of the owner; a grant of an older epoch is void. */
      readonly epoch: number;
      /** New output tokens after which the attempt ends as `cut`; `null`: none. */
      readonly segment: number | null;
    }
  /** Not placed yet, and why; may be sent again when the reason changes. */
  | { readonly type: "held"; readonly key: string; readonly reason: HeldReason }
  | { readonly type: "refused"; readonly key: string; readonly error: ErrorBody }
  /** End the attempt, keep its tokens, offer again. */
  | {
      readonly type: "revoke";
      readonly key: string;
      readonly attempt: number;
      readonly reason: RevokeReason;
    };

export type Grant = Extract<PlacementReply, { type: "grant" }>;

export interface PlacementPort {
  /** Replies to a card's key go to `receive` until the rollout is done or withdrawn. */
  send(request: PlacementRequest): void;
  connect(receive: (reply: PlacementReply) => void): void;
}
