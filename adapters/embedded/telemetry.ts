import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineTelemetry } from "../engine.ts";

const count = z.number().min(0);

const telemetry = z.object({
  running: count,
  waiting: count,
  kv_used_tokens: count,
  kv_total_tokens: count,
  output_tokens: count,
  prefill_tokens: count,
  steps: z.array(z.object({ batch: count, seconds: count })),
});

/** Throws `engine_error`. */
export function parseTelemetry(json: unknown): EngineTelemetry {
  const parsed = telemetry.safeParse(json);
  if (!parsed.success) {
    throw new PacelineError("engine_error", "/telemetry is not of this wire", {
      cause: parsed.error,
    });
  }
  const given = parsed.data;
  return {
    running: given.running,
    waiting: given.waiting,
    kvUsedTokens: given.kv_used_tokens,
    kvTotalTokens: given.kv_total_tokens,
    outputTokens: given.output_tokens,
    prefillTokens: given.prefill_tokens,
    steps: given.steps,
  };
}
