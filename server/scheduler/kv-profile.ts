/**
 * The most KV that what runs on a slot will probably hold at once. Each grows by a token a step and leaves with all that
 * it holds, so t steps from now the slot holds Σ (context + t)·P(still there at t): less than the sum of what each will have
 * come to at its own end, and much less where ends are spread. Taken on a grid of t, as sums that an attempt joins and
 * leaves in O(1).
 */
import { type LogLength, survivalPast } from "./prediction/normal.ts";

/** Steps from now; finer near by, where most end. */
const GRID = [
  0, 256, 512, 1_024, 1_536, 2_048, 3_072, 4_096, 6_144, 8_192, 12_288, 16_384, 24_576, 32_768,
  49_152, 65_536, 131_072,
] as const;

/** A list of fractions, as V8 sees it: what is cut off from it has its size and kind from the first. */
const BLANK: readonly number[] = GRID.map(() => 0.5);

/**
 * What one rollout will hold, by the grid, tokens; nothing beyond its end. A plain list: a `Float64Array` of more than 64 B
 * lies outside of the heap, which costs more to make than all that is reckoned here.
 */
export type Holding = readonly number[];

export interface Ahead {
  readonly contextTokens: number;
  readonly outputTokens: number;
  /** Expected to come, and the most that may, tokens. */
  readonly growth: number;
  readonly most: number;
  /** Of all its output; null: all that is known is `growth`. */
  readonly length: LogLength | null;
  /** What each token counts. */
  readonly margin: number;
}

/** No more than `ceiling` at any time: nobody is given more than a whole slot. */
export function holdingOf(ahead: Ahead, ceiling: number): Holding {
  const { contextTokens, outputTokens, growth, length, margin } = ahead;
  const there = length === null ? null : survivalPast(length, outputTokens);
  const most = there === null ? growth : ahead.most;
  let last = 0;
  while (last < GRID.length - 1 && (GRID[last] as number) < most) last++;
  const holding = BLANK.slice(0, last + 1);
  for (let at = 0; at <= last; at++) {
    const steps = at === last ? most : (GRID[at] as number);
    const share = there === null || steps === 0 ? 1 : there(steps);
    holding[at] = Math.min(ceiling, margin * (contextTokens + steps) * share);
  }
  return holding;
}

export function peakOf(holding: ArrayLike<number>): number {
  let peak = 0;
  for (let at = 0; at < holding.length; at++) peak = Math.max(peak, holding[at] as number);
  return peak;
}

export class KvProfile {
  readonly #sums = new Float64Array(GRID.length);
  #members = 0;
  /** Tokens, whole. */
  peakTokens = 0;

  add(holding: Holding): void {
    this.#members++;
    for (let at = 0; at < holding.length; at++) {
      (this.#sums[at] as number) += holding[at] as number;
    }
    this.peakTokens = Math.ceil(peakOf(this.#sums));
  }

  /** One that is there comes to hold otherwise. */
  replace(before: Holding, after: Holding): void {
    for (let at = 0; at < before.length; at++) {
      (this.#sums[at] as number) -= before[at] as number;
    }
    if (this.#members === 1) this.#sums.fill(0);
    for (let at = 0; at < after.length; at++) {
      (this.#sums[at] as number) += after[at] as number;
    }
    this.peakTokens = Math.ceil(peakOf(this.#sums));
  }

  remove(holding: Holding): void {
    this.#members--;
    for (let at = 0; at < holding.length; at++) {
      (this.#sums[at] as number) -= holding[at] as number;
    }
    // What rounding left must not add up.
    if (this.#members === 0) this.#sums.fill(0);
    this.peakTokens = Math.ceil(peakOf(this.#sums));
  }
}
