import type { Random } from "../../server/contract/clock.ts";

/** The run's seed: `PACELINE_TEST_SEED`, else fresh; printed so that a failure can be run again. */
export function testSeed(name: string): number {
  const given = process.env["PACELINE_TEST_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  console.log(`# seed ${name}: PACELINE_TEST_SEED=${seed}`);
  return seed;
}

/** SplitMix32: small, seeded, good enough to drive tests. */
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
