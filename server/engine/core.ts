/**
 * What the engine's server process needs of whatever computes: the transformer (`model-core.ts`) or
 * a stand-in without compute (`simulated-core.ts`). Synchronous: the caller owns the loop and calls
 * `step` until it answers that nothing is left to do, handling messages between two steps.
 */
import type { ErrorBody } from "../contract/errors.ts";
import type { FinishReason, LogprobMode } from "../contract/rollout.ts";
import type { ExpertsHead } from "../contract/routed-experts.ts";
import type { SideChunk, SideWant } from "../contract/side-data.ts";
import type { Slot } from "../contract/worker.ts";

/** Sampling as the core applies it; limits count `outputTokenIds`. */
export interface CoreSampling {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly repetitionPenalty: number;
  readonly stopTokenIds: readonly number[];
  readonly ignoreEos: boolean;
  /** Below 2^53. Randomness is keyed by (seed, siblingIndex, output position), never by history. */
  readonly seed: number;
  readonly logitBias: readonly (readonly [number, number])[];
  /** Only these can be sampled; empty = all. */
  readonly allowedTokenIds: readonly number[];
  /** Sequences of output tokens that are never completed; none is empty. */
  readonly badWords: readonly (readonly number[])[];
}

export interface CoreRequest {
  readonly id: string;
  readonly promptTokenIds: Uint32Array;
  /** Tokens that exist already: prefilled after the prompt, counted by penalties and limits. */
  readonly outputTokenIds: Uint32Array;
  readonly sampling: CoreSampling;
  readonly siblingIndex: number;
  readonly logprobMode: LogprobMode;
  /** KV blocks are shared only between requests of one namespace (and one load). */
  readonly cacheNamespace: string;
  /** The namespace's blocks outlive a change of the weights: what is made on older ones is `mixed`. */
  readonly cacheCarried: boolean;
  readonly priority: number;
  /** Wanted beside the tokens; `null`: nothing. */
  readonly side: SideWant | null;
}

export type CoreEvent =
  /** Prefill is complete; sent before the first tokens of a request, and once only. */
  | { readonly type: "started"; readonly id: string; readonly cachedTokens: number }
  /** All prompt logprobs that were asked for; right after `started`. */
  | {
      readonly type: "prompt";
      readonly id: string;
      readonly start: number;
      readonly logprobs: Float32Array;
      readonly version: number;
    }
  /** `start` counts `outputTokenIds`. */
  | {
      readonly type: "tokens";
      readonly id: string;
      readonly start: number;
      readonly ids: Uint32Array;
      readonly logprobs: Float32Array;
      readonly version: number;
      /** One row a token of what the request wants; `null` where it wants none. */
      readonly side: SideChunk | null;
      /** Some KV in reach is of an older load (a `keep` swap, a carried cache); false again once recomputed. */
      readonly mixed: boolean;
    }
  /** All of them at once, right before `finished`. */
  | {
      readonly type: "experts";
      readonly id: string;
      readonly head: ExpertsHead;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly type: "finished";
      readonly id: string;
      readonly reason: FinishReason;
      readonly cachedTokens: number;
    }
  /** Instead of `finished`: it cannot go on. */
  | { readonly type: "failed"; readonly id: string; readonly error: ErrorBody };

export interface CoreInfo {
  readonly model: string;
  readonly dtype: string;
  readonly parameters: number;
  readonly maxModelLen: number;
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  readonly slot: Slot;
  /** Tells routed experts. Default: a dense model has none. */
  readonly routedExperts?: boolean;
}

export interface CoreStats {
  readonly running: number;
  readonly waiting: number;
  readonly kvUsedTokens: number;
  readonly kvTotalTokens: number;
  readonly outputTokens: number;
  readonly prefillTokens: number;
  /** The last steps, oldest first, at most 64. */
  readonly steps: readonly { readonly batch: number; readonly seconds: number }[];
}

export interface HeldWeights {
  readonly policy: string;
  readonly version: number;
  readonly load: number;
  readonly digest: string;
}

export interface Core {
  readonly info: CoreInfo;
  /** Queues a request. Throws `PacelineError` (`invalid_argument`, `prompt_too_long`, `version_unavailable` while no weights are held). */
  add(request: CoreRequest): void;
  /** Ends a request where it stands; false if it is not (or no longer) known. Emits nothing. */
  abort(id: string): boolean;
  /** One batch step: at most one prefill chunk and one decode of all running. Events of this step, unbuffered. */
  step(): CoreEvent[];
  /** Whether `step` has anything to do. */
  readonly busy: boolean;
  /** Milliseconds until the next step is due, for cores that model time; 0 for those that compute. */
  readonly stepDelayMs: number;
  /** Drops the KV of all running requests; they recompute when stepping goes on. */
  retract(): void;
  /** Drops cached blocks that no running request holds. */
  flush(): void;
  /** Drops a carried namespace: what it has cached is found no more. */
  dropCache(namespace: string): void;
  /** Reads weights beside the serving ones. Throws `weights_rejected`. */
  stage(source: { policy: string; version: number; path: string }): { digest: string };
  /**
   * `keep` leaves the KV of requests that have sampled in place; one that has not yet sampled a token
   * here computes its context again, so that mixing never starts before a request's first token.
   * Puts staged weights in place. Throws `version_conflict` when that version is not staged. */
  swap(target: { policy: string; version: number; kv: "keep" | "drop" }): HeldWeights;
  discard(target: { policy: string; version: number }): void;
  /**
   * Overwrites the serving weights where they lie, as update calls of other engines do: nothing is staged.
   * Throws `weights_rejected` with the old ones still in service; where reading fails later, none are held. `wanted`:
   * the tensors that are overwritten, default all.
   */
  load(
    source: { policy: string; version: number; path: string; kv: "keep" | "drop" },
    wanted?: (tensor: string) => boolean,
  ): HeldWeights;
  /** Gives what is held another name; the weights stay. Throws `version_conflict` while none are held. */
  relabel(target: { policy: string; version: number }): HeldWeights;
  readonly held: HeldWeights | null;
  stats(): CoreStats;
}
