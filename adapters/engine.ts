/**
 * The one interface through which Paceline speaks to an engine. Shaped by what real vLLM and SGLang
 * answer: vLLM streams deltas and tells versions only on the last chunk; SGLang streams cumulatively
 * (its adapter cuts deltas) and tells spans at the end; the embedded engine tells them per chunk. A
 * unary engine yields one `tokens` event and then `finished`.
 */

import type { EngineFacts } from "../server/contract/engine-facts.ts";
import type { PacelineError } from "../server/contract/errors.ts";
import type { HeldReport } from "../server/contract/policy.ts";
import type { FinishReason, LogprobMode, Sampling } from "../server/contract/rollout.ts";
import type { ExpertsHead } from "../server/contract/routed-experts.ts";
import type { PromptLogprobs, SideChunk, SideWant } from "../server/contract/side-data.ts";
import type { TokenChunk } from "../server/contract/tokens.ts";
import type { EngineDescription, MoverCall } from "../server/contract/worker.ts";
import type { ReadPacing } from "./read-pacing.ts";

/** What an engine that asks for keys is shown (SGLang). Never logged, never told to anybody else. */
export interface EngineKeys {
  /** For generation and for looking; null: nothing is shown. */
  readonly api: string | null;
  /** For what changes the engine; null: the same. */
  readonly admin: string | null;
}

/** What every adapter is created with, beside its engine's URL. */
export interface EngineOptions {
  /** Tokens per event after the first; default: what the engine was started with. */
  readonly streamInterval?: number;
  /** Shared by all engines of a process; default: replies are read as they come. */
  readonly pacing?: ReadPacing;
  /** Of engines whose calls do not tell them (TensorRT-LLM, Dynamo); what is missing is told by the probe. */
  readonly facts?: EngineFacts;
  /** Signs control calls, where the engine wants them signed (TensorRT-LLM); default: they are not. */
  readonly controlKey?: string;
  /** Asked at each call, since another registration may bring others; default: none. */
  readonly keys?: () => EngineKeys;
}

/** One attempt of a rollout on one slot. */
export interface EngineRequest {
  /** Unique per attempt, of fixed length per rollout family so that no id is a prefix of another. */
  readonly requestId: string;
  /** W3C trace context to pass on to the engine; null: none. */
  readonly traceparent: string | null;
  readonly policy: string;
  /** Where the policy is an adapter: its version, which names it in the engine, and the policy beneath; absent: it is none. */
  readonly adapter?: { readonly version: number; readonly base: string };
  readonly slot: number;
  readonly promptTokenIds: Uint32Array;
  /** Tokens that the rollout already has; the engine goes on after them. Empty on a first attempt. */
  readonly outputTokenIds: Uint32Array;
  /** `maxNewTokens` and `minNewTokens` count `outputTokenIds`; an adapter reduces them where its engine does not. */
  readonly sampling: Sampling;
  /** `sampling.badWords` as token sequences, each with and without a space before it; empty where there are none. */
  readonly badWords: readonly (readonly number[])[];
  /** Index in the group: siblings of one seed sample differently. */
  readonly siblingIndex: number;
  readonly logprobMode: LogprobMode;
  readonly cacheNamespace: string;
  /** The namespace is a session's own and outlives updates; only to engines of the capability `sessionCache`. */
  readonly cacheCarried: boolean;
  readonly priority: number;
  /** Wanted beside the tokens, of what the engine's capabilities say; `null`: nothing. */
  readonly side: SideWant | null;
  /** Memory for `experts` events, of what was used before; absent: new. */
  readonly buffer?: (bytes: number) => Uint8Array<ArrayBuffer>;
  /** Whether somebody waits for each token as it comes; may change. Where not, an adapter may read late. */
  readonly watched: () => boolean;
}

export type EngineEvent =
  /** Prefill is done (or the first output is near); sent at most once, before any tokens. */
  | { readonly type: "started"; readonly cachedTokens: number }
  /** All of them at once, before any tokens; where wanted, exactly once. */
  | { readonly type: "prompt"; readonly prompt: PromptLogprobs }
  /** Deltas: `chunk.start` continues where the last one (or `outputTokenIds`) ended. */
  | {
      readonly type: "tokens";
      readonly chunk: TokenChunk;
      /** One row a token of what was asked for; absent where nothing was. */
      readonly side?: SideChunk;
    }
  /** Once, wherever the engine tells it, where routed experts are wanted. */
  | { readonly type: "experts_head"; readonly head: ExpertsHead }
  /** Their bytes from `side.routedExperts.start` on, one piece after the other; the consumer's, whole buffer and all. */
  | { readonly type: "experts"; readonly bytes: Uint8Array<ArrayBuffer> }
  | EngineFinish;

export interface EngineFinish {
  readonly type: "finished";
  readonly reason: FinishReason;
  readonly cachedTokens: number;
  /**
   * Versions over all output tokens of this attempt, from engines that tell only at the end. Under an adapter these are
   * of its base: no engine tells an adapter's.
   */
  readonly versions: readonly EngineVersionRun[] | null;
}

/** Half-open over output positions. */
export interface EngineVersionRun {
  readonly version: number;
  readonly start: number;
  readonly end: number;
  /**
   * KV of all before was computed anew at its start, under its version: it attends to nothing older. Null: it may have been, at
   * any of its tokens, or some of it. Default false.
   */
  readonly rebuilt?: boolean | null;
}

export interface EngineTelemetry {
  readonly running: number;
  readonly waiting: number;
  readonly kvUsedTokens: number;
  readonly kvTotalTokens: number;
  /** Cumulative since the engine started. */
  readonly outputTokens: number;
  readonly prefillTokens: number;
  /** Seconds of the last steps: `a + s·batch` is fitted from these by the server. */
  readonly steps: readonly { readonly batch: number; readonly seconds: number }[];
}

/** What an engine did to its prefix cache, blocks by the names that it gives them. */
export type CacheChange =
  | {
      readonly type: "stored";
      readonly hashes: readonly string[];
      /** Null: the first block of a prompt. */
      readonly parent: string | null;
      /** Of all these blocks, one after the other. */
      readonly tokenIds: Uint32Array;
      readonly blockSize: number;
      /** The adapter that it was computed with; null: the weights in service alone. */
      readonly adapter: Pick<HeldReport, "policy" | "version"> | null;
    }
  | { readonly type: "removed"; readonly hashes: readonly string[] }
  | { readonly type: "cleared" };

export interface CacheFollower {
  /** In order, each once. */
  readonly changes: (slot: number, changes: readonly CacheChange[]) => void;
  /** Some were lost for good: what was known of this slot's cache is void. */
  readonly gap: (slot: number) => void;
  /** Nothing comes any more. Called once at most. */
  readonly lost: (error: PacelineError) => void;
}

export interface EngineControl {
  /** Whole engine. `keep` freezes in place; `retract` drops KV and recomputes on resume; `abort` ends all. */
  pause(mode: "keep" | "retract" | "abort", signal: AbortSignal): Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  /** Drops cached KV that no running request holds. */
  flush(signal: AbortSignal): Promise<void>;
  /** Drops what is cached in a session's namespace. Absent where there is no `sessionCache`. */
  dropCache?(namespace: string, signal: AbortSignal): Promise<void>;
  /**
   * Gives memory back until `wake`; what still runs there ends. Only in a way that keeps the weights
   * (vLLM's level 1), so that what was proven stays proven.
   */
  sleep(signal: AbortSignal): Promise<void>;
  wake(signal: AbortSignal): Promise<void>;
}

export interface WeightsChecksum {
  readonly value: string;
  /** How its tensors lie in memory: ranks, names, kernels. */
  readonly layout: string;
}

/**
 * The update calls of an engine that loads from files. A digest is null where the engine shows none
 * (`capabilities.weights.proof` is not `digest`): its label and a canary speak for it then.
 */
export interface EngineWeights {
  /**
   * Loads `path` beside the serving weights and answers what it read; an engine that cannot do so only
   * checks what can be checked. Serving is untouched; throws `weights_rejected` when it cannot be read or does not fit.
   */
  stage(
    source: { policy: string; version: number; path: string },
    signal: AbortSignal,
  ): Promise<{ digest: string | null }>;
  /**
   * Puts the staged weights in place between two steps. `kv: "keep"` leaves running requests their
   * KV (mixed from here on); `"drop"` recomputes it. Either way no cached prefix survives for others. One that
   * throws leaves weights that nobody knows: nothing is generated there before a swap that does not.
   */
  swap(
    target: { policy: string; version: number; kv: "keep" | "drop" },
    signal: AbortSignal,
  ): Promise<{ digest: string | null; load: number }>;
  /** Forgets staged weights. */
  discard(target: { policy: string; version: number }, signal: AbortSignal): Promise<void>;
  /**
   * Of all weights in its memory, also while it stands still and whatever runs there. Engines that load the same weights into
   * the same `layout` show the same `value`. Only to engines of the capability `weights.checksum`.
   */
  checksum?(signal: AbortSignal): Promise<WeightsChecksum>;
  /** What the engine itself says it holds now, adapters too; the caller decides what that proves. */
  held(signal: AbortSignal): Promise<readonly HeldReport[]>;
  /**
   * One of SGLang's calls for weights that a trainer moves itself, its body as SGLang's wire has it; `target`: what the
   * engine is to call what it holds then, null where the call names nothing. Throws `weights_rejected` where the engine
   * says no. Absent: an engine without such calls.
   */
  move?(
    call: MoverCall,
    body: Readonly<Record<string, unknown>>,
    target: { policy: string; version: number } | null,
    signal: AbortSignal,
  ): Promise<void>;
  /** Only of engines whose capabilities say how many adapters they hold. */
  readonly adapters?: EngineAdapters;
}

/** LoRA adapters beside the weights in service, each version under a name of its own that never means another. */
export interface EngineAdapters {
  /**
   * Reads a PEFT directory; one that is there under this name goes first. Nothing that is served changes. Throws
   * `weights_rejected` when it cannot be read or does not fit.
   */
  load(
    source: { policy: string; version: number; path: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Resolves when the engine has it no more, which waits for the last of our requests under it. */
  unload(target: { policy: string; version: number }, signal: AbortSignal): Promise<void>;
}

export interface Engine {
  readonly url: string;
  /**
   * Throws `engine_unreachable` or `engine_error`. Also tells a new incarnation. One that stands still and cannot be asked
   * what it is throws `engine_error` with `details` `{paused: true, incarnation}`.
   */
  probe(signal: AbortSignal): Promise<EngineDescription>;
  /**
   * Runs one attempt. Aborting `signal` aborts the request inside the engine. Throws a typed error:
   * `engine_unreachable` (socket lost), `engine_error` (protocol broken), `misaligned` (I1). With `details.doubtful` nothing
   * of what the attempt has told is kept.
   */
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EngineEvent>;
  readonly control: EngineControl;
  readonly weights: EngineWeights | null;
  telemetry(signal: AbortSignal): Promise<EngineTelemetry>;
  /**
   * Follows what its slots cache until closed; null where this one tells nothing of it. Absent: an engine that never does.
   * Throws typed errors.
   */
  followCache?(follower: CacheFollower, signal: AbortSignal): Promise<{ close(): void } | null>;
  close(): Promise<void>;
}
