/** What all routes of one fake SGLang share. */
import type { CachePublisher } from "../core/cache-publisher.ts";
import type { FakeExperts } from "../core/experts.ts";
import type { FakeModel, FakeModelOptions } from "../core/fake-model.ts";
import type { FakeServerOptions } from "../core/fake-server.ts";

export interface FakeSglangOptions extends FakeModelOptions, FakeServerOptions {
  /** `--served-model-name`; default `tiny`. */
  readonly served?: string;
  /** `--incremental-streaming-output`; default off: streams are cumulative. */
  readonly incremental?: boolean;
  /** `--stream-interval`; default 1. */
  readonly streamInterval?: number;
  /** `--enable-deterministic-inference`: `sampling_seed` counts, keyed by position. Default off. */
  readonly deterministic?: boolean;
  /** `--sampling-mask-max-tokens`; default 4,096. */
  readonly samplingMaskMaxTokens?: number;
  /** `--enable-return-routed-experts`, of a model of this shape; default null: without. */
  readonly experts?: Omit<FakeExperts, "dtype"> | null;
  /** `--enable-memory-saver`; default off: a call to release memory ends the server. */
  readonly memorySaver?: boolean;
  /** `--enable-lora`; default off. */
  readonly lora?: boolean;
  /** `--api-key`; default none. */
  readonly apiKey?: string | null;
  /** `--admin-api-key`; default none. */
  readonly adminApiKey?: string | null;
  /** `/weights_checker` knows `checksum`; default on. */
  readonly checksums?: boolean;
  /** Milliseconds that `/health` waits for a sign of life; default 200 (the real one: 20,000). */
  readonly healthTimeoutMs?: number;
  /** `--kv-events-config` with publisher `zmq`; default off. */
  readonly kvEvents?: boolean;
}

export interface SglangState {
  readonly model: FakeModel;
  readonly options: Required<
    Omit<FakeSglangOptions, keyof FakeModelOptions | keyof FakeServerOptions>
  >;
  /** Both become the path of what was loaded last. */
  modelPath: string;
  servedName: string;
  released: Set<string>;
  /** Requests that came while paused wait here, outside the scheduler: nothing counts them and nothing aborts them. */
  readonly held: Set<() => void>;
  /** Of requests that have not been answered. */
  readonly rids: Set<string>;
  /** NCCL groups that it has joined, by name: as it was asked. */
  readonly groups: Map<string, unknown>;
  finished: number;
  readonly cache: CachePublisher | null;
  exit(): void;
}

/** Resolves when generation goes on. */
export function resumed({ model, held }: SglangState): Promise<void> {
  if (!model.paused) return Promise.resolve();
  return new Promise((resolve) => void held.add(resolve));
}
