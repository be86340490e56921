/** The bound of work (`bound.ts`): the best price of KV for all rollouts, and for the longest ones among them. */
import { fleetEarning, type SlotClass } from "./rates.ts";
import type { Bucket, Tally } from "./tally.ts";

export interface WorkSeconds {
  readonly all: number;
  /** Greatest over the sets of the longest rollouts. */
  readonly longest: number;
}

/** β from a token that costs nothing by its context to one that costs nothing else. */
const LEAST_BETA = 1e-9;
const MOST_BETA = 1e3;
const GRID = 25;
const REFINEMENTS = 24;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

export function workSeconds(
  tally: Pick<Tally, "buckets">,
  classes: readonly SlotClass[],
): WorkSeconds {
  const set: Bucket = { count: 0, steps: 0, held: 0, longestTokens: 0 };
  let all = 0;
  let longest = 0;
  for (const bucket of tally.buckets()) {
    set.count += bucket.count;
    set.steps += bucket.steps;
    set.held += bucket.held;
    set.longestTokens = Math.max(set.longestTokens, bucket.longestTokens);
    all = bestPrice(set, classes);
    longest = Math.max(longest, all);
  }
  return { all, longest };
}

/** Work over earning is quasi-concave in β, being linear over convex: a log grid, then golden section about its best. */
function bestPrice(
  { count, steps, held, longestTokens }: Bucket,
  classes: readonly SlotClass[],
): number {
  const seconds = (beta: number): number =>
    (steps + beta * held) / fleetEarning(classes, { beta, longestTokens }, count);
  let best = seconds(0);
  let at = 0;
  const ratio = (MOST_BETA / LEAST_BETA) ** (1 / (GRID - 1));
  for (let i = 0; i < GRID; i++) {
    const beta = LEAST_BETA * ratio ** i;
    const value = seconds(beta);
    if (value > best) [best, at] = [value, beta];
  }
  if (at === 0) return best;
  let [low, high] = [Math.log(at / ratio), Math.log(at * ratio)];
  for (let i = 0; i < REFINEMENTS; i++) {
    const [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    const [valueLeft, valueRight] = [seconds(Math.exp(left)), seconds(Math.exp(right))];
    best = Math.max(best, valueLeft, valueRight);
    if (valueLeft > valueRight) high = right;
    else low = left;
  }
  return best;
}
