/**
 * How long an answer is waited for: so many milliseconds in which this process ran. On a machine that starves it a clock
 * would run out while nothing is given a turn, and a campaign in the background would find hangs that are none.
 */

/** Between two looks, ms: time that passes without a turn of the loop counts once. */
const TICK_MS = 50;

export interface Patience {
  stop(): void;
}

/** Calls `over` once, unless it is stopped before. */
export function patience(ms: number, over: () => void): Patience {
  let left = Math.ceil(ms / TICK_MS);
  // A late one is not made up for.
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    over();
  }, TICK_MS);
  return { stop: () => clearInterval(timer) };
}
