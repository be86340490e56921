import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineTelemetry } from "../engine.ts";
import { metricSum } from "../http/prometheus.ts";

/** What the last reading said, for what is told as totals only. */
export interface StepTotals {
  seconds: number;
  tokens: number;
}

/**
 * `kvTotalTokens` as the probe found it. The gaps between tokens since the last reading stand for the steps: a request gets
 * one token a step, and the number that runs is the batch.
 */
export function telemetryOf(
  metrics: string,
  kvTotalTokens: number,
  last: StepTotals,
): EngineTelemetry {
  const text = `\n${metrics}`;
  const of = (name: string): number => {
    const value = metricSum(text, `vllm:${name}`);
    if (value !== null) return Math.max(0, value);
    throw new PacelineError("engine_error", `/metrics has no vllm:${name}`);
  };
  const running = Math.round(of("num_requests_running"));
  const seconds = metricSum(text, "vllm:inter_token_latency_seconds_sum") ?? 0;
  const tokens = metricSum(text, "vllm:inter_token_latency_seconds_count") ?? 0;
  const gap = (seconds - last.seconds) / (tokens - last.tokens);
  last.seconds = seconds;
  last.tokens = tokens;
  return {
    running,
    waiting: Math.round(of("num_requests_waiting")),
    kvUsedTokens: Math.round(Math.min(1, of("kv_cache_usage_perc")) * kvTotalTokens),
    kvTotalTokens,
    outputTokens: Math.round(of("generation_tokens_total")),
    prefillTokens: Math.round(of("prompt_tokens_total")),
    steps: running > 0 && gap > 0 && Number.isFinite(gap) ? [{ batch: running, seconds: gap }] : [],
  };
}
