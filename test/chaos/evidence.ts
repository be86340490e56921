/** All that an outsider can know of a run: what clients logged, what the server's event stream and metrics said. */
import type { ErrorBody, ErrorCode } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";
import type { RolloutEvent } from "../../server/rollouts/service.ts";
import type { Footprint } from "./fleet.ts";

export interface Body {
  readonly id: string;
  readonly job: string;
  readonly prompt_token_ids: readonly number[];
  readonly sampling: Readonly<Record<string, unknown>> & {
    readonly max_new_tokens: number;
    readonly seed: number;
  };
  readonly group?: { readonly id: string; readonly size: number; readonly index: number };
  readonly session?: { readonly id: string; readonly turn: number; readonly final: boolean };
  readonly version?: { readonly max_lag: number };
  readonly cache?: { readonly reuse: "version" | "session" };
  readonly [field: string]: unknown;
}

export type Ending =
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "error"; readonly code: ErrorCode; readonly message: string }
  /** The client went away on purpose. */
  | { readonly type: "left" }
  /** The connection broke, or what came was none of the contract's. */
  | { readonly type: "broken"; readonly why: string };

export interface SeenEvent {
  /** Wall time, ms. */
  readonly at: number;
  readonly seq: number;
  readonly event: RolloutEvent;
}

/** One call's account of one rollout. Several calls may be about the same one. */
export interface Account {
  readonly way: string;
  readonly body: Body;
  /** Wall times, ms. */
  readonly sentAt: number;
  endedAt: number;
  /** Of a stream, over all its connections. */
  events: SeenEvent[];
  /** Null: still open. */
  ending: Ending | null;
}

/** Something that was done to the fleet, and what the server answered. */
export interface Disturbance {
  readonly kind: string;
  readonly target: string;
  readonly at: number;
  /** `ok`, or the codes of the errors that were answered. */
  readonly outcome: string;
  readonly error?: ErrorBody;
}

export interface LifeEvent {
  readonly offset: number;
  readonly type: string;
  readonly at: number;
  readonly [detail: string]: unknown;
}

export interface Evidence {
  readonly accounts: readonly Account[];
  readonly events: readonly LifeEvent[];
  readonly disturbances: readonly Disturbance[];
  /** `/metrics` after the last rollout has ended. */
  readonly metrics: string;
  /** Directory of each version's weights. */
  readonly sources: ReadonlyMap<number, string>;
  /** Of the server: when the load began, and after it. */
  readonly footprints: readonly (Footprint | null)[];
}

export type Fault = "lost" | "duplicated" | "misaligned" | "misversioned" | "other";

export interface Finding {
  readonly fault: Fault;
  readonly what: string;
}

export const keyOf = ({ job, id }: { readonly job: string; readonly id: string }): string =>
  `${job}/${id}`;
