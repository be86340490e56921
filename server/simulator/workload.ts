/**
 * What a simulated run is asked to do: rollouts with their true lengths, and the fleet that makes them. Plain data;
 * presets by name and seed are in `workloads/`, trace files in `workloads/trace.ts`. Seconds and tokens throughout.
 */

export interface Workload {
  readonly name: string;
  readonly policies: readonly SimulatedPolicy[];
  /** By arrival; turns of one session in order. */
  readonly rollouts: readonly SimulatedRollout[];
  readonly fleet: FleetSpec;
  /** Of the blocks that prefixes name: a divisor of a card's, which is the default. */
  readonly blockTokens?: number;
  /** How a trainer consumes it; absent where all is asked for at once. */
  readonly trainer?: TrainerSpec;
}

export interface SimulatedPolicy {
  readonly name: string;
  /** Policy that it is an adapter of; null = full weights. */
  readonly base: string | null;
}

export interface SimulatedRollout {
  readonly id: string;
  readonly group: { readonly id: string; readonly size: number; readonly index: number } | null;
  readonly promptTokens: number;
  /** Chain hashes (u32) of the prompt's full blocks; where these are a card's, as `Card.prefix`. */
  readonly prefix: readonly number[];
  /** True length, the stop token included; hidden from every scheduler but an oracle. */
  readonly outputTokens: number;
  readonly maxNewTokens: number;
  /** Of the first turn of a session; a later one arrives `gapSeconds` after the one before has ended. */
  readonly arrivalSeconds: number;
  readonly session: {
    readonly id: string;
    /** From 0. */
    readonly turn: number;
    /** Tool time before this turn; 0 for the first. */
    readonly gapSeconds: number;
  } | null;
  readonly policy: string;
  /** Key of the prompt's history: equal prompts of later epochs have the same. */
  readonly prompt: string;
}

export interface FleetSpec {
  readonly workers: readonly WorkerSpec[];
}

/** One worker of one slot. */
export interface WorkerSpec {
  readonly id: string;
  readonly pool: string;
  readonly kvTokens: number;
  readonly maxRunning: number;
  /** Decode step time `a + s·batch`, seconds. */
  readonly step: { readonly a: number; readonly s: number };
  readonly prefillTokensPerSecond: number;
  /** Prompt tokens that one step computes at most, beside its decodes. */
  readonly prefillChunk: number;
  /** Where KV of a cut or paused context is kept, and how fast it comes back; null: nowhere. */
  readonly tiers: KvTiers | null;
  /** Adapters that it holds at once and what loading one takes; null: none. */
  readonly adapters: { readonly slots: number; readonly loadSeconds: number } | null;
}

export interface KvTiers {
  readonly hostTokens: number;
  readonly hostTokensPerSecond: number;
  /** Null: no pool that the workers share. */
  readonly poolTokensPerSecond: number | null;
}

/** Takes `batchGroups` finished groups a step, computes, and publishes a new version after each. */
export interface TrainerSpec {
  readonly batchGroups: number;
  readonly stepSeconds: number;
  /** How long an update holds a worker. */
  readonly pauseSeconds: number;
  /** The fleet stands while it computes; absent: it goes on, within η. */
  readonly rounds?: RoundsSpec;
}

/** How a round of a synchronous trainer is asked for, and what becomes of groups that are not whole when a batch is. */
export interface RoundsSpec {
  /** Groups that are asked for over those that a batch takes, at least 1. */
  readonly issue: number;
  /** Siblings that make a group whole; those that still run then end. Absent: all. */
  readonly need?: number;
  readonly leftover: "resume" | "long-round";
}
