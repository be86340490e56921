import type { Random } from "../../contract/clock.ts";

/** Rank i (from 0) with probability in proportion to 1 / (i + 1). */
export function zipf(count: number): (random: Random) => number {
  const upTo: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1);
    upTo.push(sum);
  }
  return (random) => {
    const at = random.next() * sum;
    return upTo.findIndex((bound) => at < bound);
  };
}
