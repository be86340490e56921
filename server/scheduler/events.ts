/**
 * The scheduler's whole world: events go in, commands come out, both plain data. So a live run can
 * be recorded and replayed, and a simulated fleet can drive the same code in virtual time.
 */
import type { HeldVersion, OnUpdate } from "../contract/policy.ts";
import type { Capabilities, EngineKind, Slot } from "../contract/worker.ts";
import type { Card, HeldReason, Outcome, RevokeReason } from "./card.ts";
import type { PromptHistory } from "./prediction/histories.ts";

export interface WorkerView {
  readonly id: string;
  readonly incarnation: string;
  readonly engine: EngineKind;
  readonly pool: string;
  readonly slots: readonly Slot[];
  readonly maxModelLen: number;
  readonly capabilities: Capabilities;
  /** Proven, committed versions, and adapters that its engine loads for whoever is granted one: proven before a token is made. */
  readonly holds: readonly HeldVersion[];
  /** Of the adapters among them, those that its engine has; absent: as far as grants tell. */
  readonly loaded?: readonly Pick<HeldVersion, "policy" | "version">[];
  /** Whether new rollouts may be placed; false while paused, updating, suspect, draining, poisoned. */
  readonly open: boolean;
  /** Where KV that its HBM has no more is kept; absent or null: nowhere, resuming computes it again. */
  readonly tiers?: KvTiers | null;
}

/**
 * Memory of the host beside the engine, per slot, and of a pool that all workers with a rate for it share; how fast KV
 * comes back from either, tokens/s. No adapter drives one yet: only the simulator gives it.
 */
export interface KvTiers {
  readonly hostTokens: number;
  readonly hostTokensPerSecond: number;
  readonly poolTokensPerSecond: number | null;
}

export type SchedulerEvent =
  /** A worker is new or has changed; always the full view. A new incarnation loses the old one's attempts. */
  | { readonly type: "worker"; readonly worker: WorkerView }
  | { readonly type: "worker_lost"; readonly worker: string; readonly incarnation: string }
  | {
      readonly type: "telemetry";
      readonly worker: string;
      readonly slot: number;
      readonly kvUsedTokens: number;
      readonly running: number;
      readonly waiting: number;
      /** Fitted decode step time `a + s·batch`, seconds; null while unknown. */
      readonly step: { readonly a: number; readonly s: number } | null;
      readonly prefillTokensPerSecond: number | null;
    }
  /**
   * What a slot's engine says it has cached or dropped, in hashes as `Card.prefix` has them. `life` grows with each cache
   * of which nothing is known at first (another process, events that were lost): an older one's events are void.
   */
  | {
      readonly type: "cache";
      readonly worker: string;
      readonly slot: number;
      readonly life: number;
      readonly kind: "stored" | "removed" | "cleared";
      /** Empty where `cleared`. */
      readonly blocks: readonly number[];
    }
  | { readonly type: "committed"; readonly policy: string; readonly version: number }
  /** `maxRunning`: attempts of the job at once; absent or null = no limit. What runs beyond a new limit goes on. */
  | {
      readonly type: "job";
      readonly job: string;
      readonly weight: number;
      readonly maxRunning?: number | null;
    }
  | { readonly type: "offer"; readonly card: Card }
  | {
      readonly type: "progress";
      readonly key: string;
      readonly attempt: number;
      readonly outputTokens: number;
    }
  | {
      readonly type: "done";
      readonly key: string;
      readonly attempt: number;
      readonly outcome: Outcome;
      /** Output tokens that exist now; what the job's forecast learns from. Absent: as last reported by `progress`. */
      readonly outputTokens?: number;
    }
  | { readonly type: "withdraw"; readonly key: string }
  /**
   * Close a worker and empty it of what must not live on: `update` follows each rollout's `on_update`
   * (`onUpdate` where it has none): `keep` stays, `reprefill` is revoked, `finish` is waited for until
   * `graceMs` (its card's `updateGraceMs` where it has one), then stays as `keep`. `drain` waits for all until `graceMs`, then revokes; `migrate` revokes all at once.
   */
  | {
      readonly type: "gate";
      readonly worker: string;
      readonly why: "update" | "drain" | "migrate";
      readonly onUpdate: OnUpdate;
      readonly graceMs: number;
      /** Of `update`: what would stay is revoked instead, whatever its own wish. Default false. */
      readonly empty?: boolean;
    }
  /** The gate is lifted; a `worker` event with the new holds comes first. */
  | { readonly type: "ungate"; readonly worker: string }
  | { readonly type: "session_finished"; readonly session: string }
  /** What an earlier scheduler had `learned`; what this one knows already is newer. */
  | { readonly type: "histories"; readonly histories: readonly PromptHistory[] }
  /** A wake-up asked for by `wake`. */
  | { readonly type: "tick" };

export type SchedulerCommand =
  | {
      readonly type: "grant";
      readonly key: string;
      readonly attempt: number;
      readonly worker: string;
      readonly slot: number;
      readonly incarnation: string;
      readonly held: HeldVersion;
      /** New output tokens that this attempt may make before it is cut; `null`: to its end. */
      readonly segment: number | null;
    }
  | { readonly type: "held"; readonly key: string; readonly reason: HeldReason }
  | {
      readonly type: "refuse";
      readonly key: string;
      readonly code: "overloaded" | "prompt_too_long" | "unsupported";
      readonly message: string;
      /** Field of the rollout that is at fault, as its wire writes it; null where none is alone. */
      readonly path: string | null;
    }
  | {
      readonly type: "revoke";
      readonly key: string;
      readonly attempt: number;
      readonly reason: RevokeReason;
    }
  /** All that the gate waited for is gone; `kept` rollouts live on through the update. */
  | { readonly type: "gated"; readonly worker: string; readonly kept: readonly string[] }
  /** What is known of prompts has changed, to be remembered beyond this process. */
  | { readonly type: "learned"; readonly histories: readonly PromptHistory[] }
  /** Work is ordered and divided otherwise from now on. */
  | ({ readonly type: "regime" } & RegimeView)
  /** Send a `tick` at clock time `at` (ms). Replaces an earlier one. */
  | { readonly type: "wake"; readonly at: number };

export interface Scheduler {
  handle(event: SchedulerEvent): SchedulerCommand[];
  snapshot(): SchedulerSnapshot;
}

/** How work is ordered and divided. */
export type Regime = "equal_progress" | "in_order" | "tail_isolation";

/** The regime, what it was last seen to rest on, and why it was chosen. */
export interface RegimeView {
  readonly regime: Regime;
  /** The longest alone / all work, of what is left; 0 where there is none. */
  readonly rho: number;
  /** Root mean square error of predicted log lengths; NaN before the first is compared. */
  readonly sigmaErr: number;
  /** Share of lengths that stayed within the bound meant for `options.coverage` of them; NaN likewise. */
  readonly coverage: number;
  /** What a mean context's KV takes to come back. */
  readonly resumeSeconds: number;
  readonly reason: string;
}

/** For metrics, the live page and `/v1/jobs`. */
export interface SchedulerSnapshot {
  /** Null: a discipline that knows none. */
  readonly regime: RegimeView | null;
  /** Sessions that are alive, and of these such as lost their room to others; null likewise. */
  readonly sessions: { readonly alive: number; readonly paused: number } | null;
  readonly waiting: number;
  readonly running: number;
  readonly jobs: readonly {
    readonly job: string;
    readonly waiting: number;
    readonly running: number;
  }[];
  readonly slots: readonly {
    readonly worker: string;
    readonly slot: number;
    readonly running: number;
    readonly reservedTokens: number;
    readonly kvTokens: number;
  }[];
}
