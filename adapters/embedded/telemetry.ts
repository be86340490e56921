import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineTelemetry } from "../engine.ts";

/** Whole numbers as the contract carries them on: a worker that lies must not make its figures unreadable. */
const requests = z.int().min(0).max(0xffff_ffff);
const tokens = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const telemetry = z.object({
  running: requests,
  waiting: requests,
  kv_used_tokens: tokens,
  kv_total_tokens: tokens,
  output_tokens: tokens,
  prefill_tokens: tokens,
  steps: z.array(z.object({ batch: tokens, seconds: z.number().min(0) })),
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
