/** What all routes of one fake vLLM share. */
import type { CachePublisher } from "../core/cache-publisher.ts";
import type { FakeExperts } from "../core/experts.ts";
import type { FakeModel, FakeModelOptions } from "../core/fake-model.ts";
import { FakeError, type FakeServerOptions } from "../core/fake-server.ts";

export interface FakeVllmOptions extends FakeModelOptions, FakeServerOptions {
  /** `--served-model-name`; default `tiny`. */
  readonly served?: string;
  /** `--logprobs-mode`; default `processed_logprobs`. */
  readonly logprobsMode?: "processed_logprobs" | "raw_logprobs";
  /** `--return-sampling-mask`; default off. */
  readonly samplingMask?: boolean;
  /** `--enable-return-routed-experts`, of a model of this shape; default null: without. */
  readonly experts?: FakeExperts | null;
  /** `--scheduling-policy priority`; default off. */
  readonly priorities?: boolean;
  /** `--enable-prompt-tokens-details`; default on. */
  readonly promptTokensDetails?: boolean;
  /** `--enable-sleep-mode`; default on. */
  readonly sleepMode?: boolean;
  /** `--enable-lora --max-loras N`; default 0: without. */
  readonly maxLoras?: number;
  /** `--max-cpu-loras`; default: as many. */
  readonly maxCpuLoras?: number | null;
  /** It answers 200 for any folder that is there, and what is no adapter fails with its first token. Default off. */
  readonly lateLoras?: boolean;
  /** `VLLM_SERVER_DEV_MODE`; default on. */
  readonly devMode?: boolean;
  /** `--kv-events-config` with publisher `zmq`; default off. */
  readonly kvEvents?: boolean;
}

export interface VllmState {
  readonly model: FakeModel;
  readonly options: Required<
    Omit<FakeVllmOptions, keyof FakeModelOptions | keyof FakeServerOptions>
  >;
  /** A failed update left half of it behind: `/health` is 200, and the next generation ends the server. */
  broken: boolean;
  /** `null`: awake. */
  asleep: Set<string> | null;
  transfer: "none" | "ready" | "open";
  /** Adapters that were answered for and are none. */
  readonly lateLoras: Set<string>;
  /** By finish reason. */
  readonly finished: Map<string, number>;
  /** Seconds since 1970, unlike any other's. */
  readonly startedAt: number;
  readonly cache: CachePublisher | null;
  exit(): void;
}

const CORE_DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause.";

export const coreDead = (): FakeError => new FakeError(500, CORE_DEAD, "InternalServerError");
