/** The live ends of `Clock` and `Random`: the only place that reads the machine's time and entropy. */
import { randomBytes } from "node:crypto";
import type { Clock, Random } from "./contract/clock.ts";

export const liveClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  timer(ms, fire) {
    // Node clamps larger delays to 1 ms with a warning.
    const handle = setTimeout(fire, Math.min(ms, 2 ** 31 - 1));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

export function createLiveRandom(): Random {
  let pool = randomBytes(4096);
  let at = 0;
  const u32 = (): number => {
    if (at === pool.length) {
      pool = randomBytes(4096);
      at = 0;
    }
    const value = pool.readUInt32LE(at);
    at += 4;
    return value;
  };
  return { u32, next: () => u32() / 2 ** 32 };
}
