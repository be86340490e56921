/** SplitMix32: a small seeded source, where a run must be repeatable. Never for secrets. */
import type { Random } from "./contract/clock.ts";

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  return { u32, next: () => u32() / 2 ** 32 };
}
