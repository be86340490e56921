/**
 * From `GET /v1/loads`. Steps are not listed there one by one: `decode_moments` are sums over all decode steps since the
 * start (steps, batch, microseconds, batch², batch·microseconds, tokens), of which two polls tell the steps between them as
 * two points on the line that fits them.
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineTelemetry } from "../engine.ts";

const requests = z.int().min(0).max(0xffff_ffff);
const tokens = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const loads = z.object({
  loads: z
    .array(
      z.object({
        num_running_reqs: requests,
        num_waiting_reqs: requests,
        num_used_tokens: tokens,
        max_total_num_tokens: tokens,
        total_prefill_uncached_tokens: tokens.default(0),
        decode_moments: z.array(z.number()).length(6).nullish(),
      }),
    )
    .min(1),
});

type Step = EngineTelemetry["steps"][number];

/** Points that are told again, so that whoever polls late still learns them. */
const STEPS_KEPT = 32;

export interface TelemetryReader {
  /** Throws `engine_error`. A server of several slots is told as a whole. */
  read(json: unknown): EngineTelemetry;
}

export function createTelemetryReader(): TelemetryReader {
  let before: readonly number[] | null = null;
  let steps: readonly Step[] = [];

  function learn(now: readonly number[]): void {
    const since = now.map((sum, index) => sum - (before?.[index] ?? 0));
    // Fewer than before: another life of the engine.
    if (before !== null && since.every((value) => value >= 0)) {
      steps = [...steps, ...pointsOf(since)].slice(-STEPS_KEPT);
    } else if (before !== null) steps = [];
    before = now;
  }

  return {
    read(json) {
      const parsed = loads.safeParse(json);
      if (!parsed.success) {
        throw new PacelineError("engine_error", "/v1/loads is not as SGLang has it", {
          cause: parsed.error,
        });
      }
      const ranks = parsed.data.loads;
      const sum = (of: (rank: (typeof ranks)[number]) => number): number =>
        ranks.reduce((total, rank) => total + of(rank), 0);
      const moments = ranks.map((rank) => rank.decode_moments ?? [0, 0, 0, 0, 0, 0]);
      learn(moments.reduce((total, one) => total.map((value, i) => value + (one[i] as number))));
      return {
        running: sum((rank) => rank.num_running_reqs),
        waiting: sum((rank) => rank.num_waiting_reqs),
        kvUsedTokens: sum((rank) => rank.num_used_tokens),
        kvTotalTokens: sum((rank) => rank.max_total_num_tokens),
        // Of steps that followed another: neither a request's first token, which is its prefill's, nor its second is among them.
        outputTokens: Math.round(moments.reduce((total, one) => total + (one[5] as number), 0)),
        prefillTokens: sum((rank) => rank.total_prefill_uncached_tokens),
        steps,
      };
    },
  };
}

/** Two steps with the mean, the spread and the slope of those that the sums are of; one where all had the same batch. */
function pointsOf([n, b, t, bb, bt]: readonly number[]): Step[] {
  if (n === undefined || b === undefined || t === undefined || n < 1) return [];
  const batch = b / n;
  const seconds = t / n / 1e6;
  const variance = (bb as number) / n - batch * batch;
  if (variance < 1e-9) return [{ batch: Math.round(batch), seconds }];
  const slope = ((bt as number) / n / 1e6 - batch * seconds) / variance;
  const spread = Math.sqrt(variance);
  return [-spread, spread].flatMap((off) => {
    const point = { batch: batch + off, seconds: seconds + slope * off };
    return point.seconds > 0 && point.batch > 0 ? [point] : [];
  });
}
