/** What is known of an engine endpoint: its shape and what a probe proved that it can do (I6). */
import type { HeldReport } from "./policy.ts";
import type { LogprobMode } from "./rollout.ts";

export const ENGINE_KINDS = [
  "embedded",
  "simulated",
  "vllm",
  "sglang",
  "trtllm",
  "dynamo",
] as const;

export type EngineKind = (typeof ENGINE_KINDS)[number];

/** Sampling parameters beyond `max_new_tokens` that an engine may or may not honour. */
export type SamplingFeature =
  | "temperature"
  | "top_p"
  | "top_k"
  | "min_p"
  | "presence_penalty"
  | "frequency_penalty"
  | "repetition_penalty"
  | "logit_bias"
  | "stop_token_ids"
  | "stop"
  | "min_new_tokens"
  | "ignore_eos"
  | "seed"
  | "allowed_token_ids"
  | "bad_words"
  | "structured";

export interface Capabilities {
  readonly logprobModes: readonly LogprobMode[];
  readonly sampling: readonly SamplingFeature[];
  /** What of a rollout can rightly go on here from its tokens (I5). */
  readonly resume: {
    /**
     * Sampling is keyed by (seed, sibling, position), so a continued rollout makes the same tokens; or what goes on has
     * randomness of its own by position: as right, though other tokens than an uncut rollout's.
     */
    readonly seeded: boolean;
    /** Penalties count the tokens that were handed in as output so far. */
    readonly penalties: boolean;
  };
  /** When the engine tells which version made a token. */
  readonly spans: "chunk" | "end" | "none";
  /** `stream`: tokens arrive as they are made and can be journalled. */
  readonly journal: "stream" | "none";
  /** Keeps KV of a session's own namespace over an update, and says of each token whether it attended to any. */
  readonly sessionCache: boolean;
  readonly pause: readonly ("keep" | "retract" | "abort")[];
  /** It can give its KV (and what else it has) back and take it again; its weights stay as they are. */
  readonly sleep: boolean;
  readonly weights: {
    /** New weights can be loaded and verified beside the serving ones. */
    readonly stage: boolean;
    readonly proof: "digest" | "receipt" | "reported";
    /** LoRA adapters that it holds at once beside them, as a probe found it; absent: none. */
    readonly adapters?: number;
    /** Shows a checksum of its memory, also while it stands still: what a canary would be asked for. Default: it cannot. */
    readonly checksum?: boolean;
  };
  readonly promptLogprobs: boolean;
  readonly maxTopLogprobs: number;
  /** Tells which ids top-k, top-p and min-p left at each position. */
  readonly samplingMask: boolean;
  /** Tells at the end which experts each position was sent to; default: it does not. */
  readonly routedExperts?: boolean;
}

/** One data-parallel rank: the unit of placement. */
export interface Slot {
  readonly index: number;
  /** KV capacity in tokens. */
  readonly kvTokens: number;
  readonly maxRunning: number;
}

/** What a probe of an engine returns. */
export interface EngineDescription {
  readonly kind: EngineKind;
  readonly engineVersion: string;
  /** Fresh each time the engine process starts. */
  readonly incarnation: string;
  readonly model: string;
  readonly dtype: string;
  readonly maxModelLen: number;
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  readonly slots: readonly Slot[];
  readonly capabilities: Capabilities;
  readonly paused: boolean;
  readonly asleep: boolean;
  /** The weights in service, as the engine names them; empty where it holds none. */
  readonly held: readonly HeldReport[];
}

export type WorkerState =
  | "starting"
  | "ready"
  | "paused"
  | "asleep"
  | "updating"
  | "suspect"
  | "draining"
  | "poisoned"
  | "lost";

/** SGLang's calls around weights that a trainer moves itself. */
export type MoverCall =
  | "init_weights_update_group"
  | "destroy_weights_update_group"
  | "update_weights_from_distributed"
  | "update_weights_from_tensor"
  | "update_weights_from_ipc"
  | "post_process_weights";
