/** Rollouts as a trainer might send them, each drawn from one seeded source. */
import type { Random } from "../../server/contract/clock.ts";
import type { Body } from "./evidence.ts";

export interface Draw {
  readonly random: Random;
  below(limit: number): number;
  between(low: number, high: number): number;
  /** True once in so many. */
  once(inHowMany: number): boolean;
  pick<T>(from: readonly T[]): T;
}

export function createDraw(random: Random): Draw {
  const below = (limit: number): number => random.u32() % limit;
  return {
    random,
    below,
    between: (low, high) => low + below(high - low + 1),
    once: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  };
}

const SUMS = 90;
const JOBS = ["calm", "rough"] as const;

export const sumPrompt = (draw: Draw): number[] => [
  ...Buffer.from(`${10 + draw.below(SUMS)}+${10 + draw.below(SUMS)}=`),
];

export function drawBody(id: string, draw: Draw): Body {
  const { below, between, once, pick } = draw;
  return {
    id,
    job: pick(JOBS),
    prompt_token_ids: Array.from({ length: between(1, 4) }, () => sumPrompt(draw)).flat(),
    sampling: {
      max_new_tokens: between(8, 160),
      ignore_eos: !once(4),
      seed: below(2 ** 31),
      temperature: pick([0, 0.7, 1, 1.3]),
      ...(once(3) ? { top_p: 0.9, top_k: 40 } : {}),
      ...(once(4) ? { repetition_penalty: 1.1, presence_penalty: 0.2 } : {}),
      ...(once(10) ? { stop: ["77"] } : {}),
    },
    ...(once(4) ? {} : { on_update: pick(["keep", "reprefill", "finish"]) }),
    ...(once(6) ? { version: { max_lag: below(3) } } : {}),
    ...(once(12) ? { timeout_ms: between(20, 800) } : {}),
    ...(once(8) ? { priority: between(-1, 1) } : {}),
    ...(once(10) ? { hints: { latency: "interactive" } } : {}),
    ...(once(12) ? { resume: pick(["required", "never"]) } : {}),
  };
}
