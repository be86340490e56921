import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineTelemetry } from "../engine.ts";

const count = z.number().min(0);

/** One iteration of `GET /metrics`, which answers those since the last reading, and none where nothing ran. */
const iterations = z.array(
  z.looseObject({
    numActiveRequests: count,
    numQueuedRequests: count,
    iterLatencyMS: count.optional(),
    kvCacheStats: z
      .looseObject({ usedNumBlocks: count, maxNumBlocks: count, tokensPerBlock: count })
      .nullish(),
    inflightBatchingStats: z.looseObject({ numScheduledRequests: count.optional() }).nullish(),
  }),
);

/** Steps that one reading tells at most. */
const STEPS = 64;

/** What we know by ourselves: our own streams and their tokens. */
export interface Own {
  readonly running: number;
  readonly outputTokens: number;
  readonly prefillTokens: number;
}

/** Throws `engine_error`. Statistics that are off (`enable_iter_perf_stats`) look like an engine at rest: then `own` speaks. */
export function telemetryOf(json: unknown, own: Own, kvTokens: number): EngineTelemetry {
  const parsed = iterations.safeParse(json);
  if (!parsed.success) {
    throw new PacelineError("engine_error", "/metrics is not TensorRT-LLM's", {
      cause: parsed.error,
    });
  }
  const last = parsed.data.at(-1);
  const kv = last?.kvCacheStats;
  return {
    running: Math.max(own.running, last?.numActiveRequests ?? 0),
    waiting: last?.numQueuedRequests ?? 0,
    kvUsedTokens: kv ? kv.usedNumBlocks * kv.tokensPerBlock : 0,
    kvTotalTokens: kv ? kv.maxNumBlocks * kv.tokensPerBlock : kvTokens,
    outputTokens: own.outputTokens,
    prefillTokens: own.prefillTokens,
    steps: parsed.data.slice(-STEPS).flatMap(({ iterLatencyMS: ms, inflightBatchingStats }) => {
      const batch = inflightBatchingStats?.numScheduledRequests ?? 0;
      return ms === undefined || batch === 0 ? [] : [{ batch, seconds: ms / 1_000 }];
    }),
  };
}
