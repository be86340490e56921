import type { EngineTelemetry } from "../engine.ts";
import { metricSum } from "../http/prometheus.ts";

/** What we know by ourselves: our own streams and their tokens. */
export interface Own {
  readonly running: number;
  readonly outputTokens: number;
  readonly prefillTokens: number;
}

/**
 * From the frontend's `/metrics`. Requests that wait at a worker count as running. Blocks that are used are the workers' decode blocks, where the router knows them.
 */
export function telemetryOf(metrics: string, own: Own, kvTokens: number): EngineTelemetry {
  const text = `\n${metrics}`;
  const of = (name: string): number | null => metricSum(text, `dynamo_frontend_${name}`);
  const blockTokens = of("model_kv_cache_block_size") ?? 0;
  const used = (of("worker_active_decode_blocks") ?? 0) * blockTokens;
  return {
    running: Math.max(own.running, of("inflight_requests") ?? of("active_requests") ?? 0),
    waiting: of("router_queue_pending_requests") ?? 0,
    kvUsedTokens: Math.min(used, kvTokens),
    kvTotalTokens: kvTokens,
    outputTokens: own.outputTokens,
    prefillTokens: own.prefillTokens,
    steps: [],
  };
}
