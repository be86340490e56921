/** Fleets of equal workers, with what engines have by default where a preset says nothing. */
import type { FleetSpec, KvTiers, WorkerSpec } from "../workload.ts";

export type Resume = "recompute" | "host" | "pool";

export interface FleetShape {
  readonly workers: number;
  readonly kvTokens: number;
  readonly step: { readonly a: number; readonly s: number };
  readonly prefillTokensPerSecond: number;
  /** Adapters a worker holds; 0 = none. */
  readonly adapterSlots?: number;
}

/** vLLM's defaults: `max_num_seqs` and `max_num_batched_tokens` of a serving engine. */
const MAX_RUNNING = 256;
const PREFILL_CHUNK = 2_048;
/** Host memory over PCIe, and a pool over RDMA, at 100 KB of KV a token: 20 GB/s and 10 GB/s. */
const HOST_TOKENS_PER_SECOND = 200_000;
const POOL_TOKENS_PER_SECOND = 100_000;
/** An adapter of rank 32 of a 30B model is about 1 GB read from local disk. */
const ADAPTER_LOAD_SECONDS = 0.5;

/** `hostShare`: host tier as a share of the KV that the worker has itself. */
export function uniformFleet(shape: FleetShape, resume: Resume, hostShare = 1): FleetSpec {
  const { kvTokens, step, prefillTokensPerSecond, adapterSlots = 0 } = shape;
  const tiers: KvTiers | null =
    resume === "recompute"
      ? null
      : {
          hostTokens: Math.round(kvTokens * hostShare),
          hostTokensPerSecond: HOST_TOKENS_PER_SECOND,
          poolTokensPerSecond: resume === "pool" ? POOL_TOKENS_PER_SECOND : null,
        };
  const workers = Array.from(
    { length: shape.workers },
    (_, i): WorkerSpec => ({
      id: `w-${i}`,
      pool: "default",
      kvTokens,
      maxRunning: MAX_RUNNING,
      step,
      prefillTokensPerSecond,
      prefillChunk: PREFILL_CHUNK,
      tiers,
      adapters:
        adapterSlots === 0 ? null : { slots: adapterSlots, loadSeconds: ADAPTER_LOAD_SECONDS },
    }),
  );
  return { workers };
}
