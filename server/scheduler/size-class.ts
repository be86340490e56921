/** Which cards are about one size: a head that does not fit speaks for those behind it. */
import { type Card, leastTokens } from "./card.ts";

/** Octaves. */
export const sizeClass = (tokens: number): number => Math.floor(Math.log2(Math.max(1, tokens)));

/** Forecasts are halved and doubled, not measured: two octaves a class. */
const growthClass = (card: Card): number =>
  Math.floor(sizeClass(card.expectedNewTokens ?? card.maxNewTokens) / 2);

/**
 * Sizes are octaves, and within one apart where some worker's longest context lies: who is too long for it never speaks for
 * who is not.
 */
export class Sizes {
  /** Longest contexts of workers, ascending, tokens. */
  #limits: readonly number[] = [];

  /** Answers whether `limit` is new; `limits` are all that count. */
  part(limit: number, limits: Iterable<number>): boolean {
    if (this.#limits.includes(limit)) return false;
    this.#limits = [...new Set(limits)].sort((a, b) => a - b);
    return true;
  }

  /** Cards of one class with the same key are of one job and about one size, and avoid the same. */
  key(card: Card): string {
    const octave = sizeClass(card.promptTokens + card.outputTokens);
    return `${card.job} ${octave} ${this.#passed(card, 2 ** octave)} ${growthClass(card)} ${card.avoid.join(" ")}`;
  }

  /** The largest of its octave's limits that it is too long for; 0: none. */
  #passed(card: Card, octave: number): number {
    const tokens = leastTokens(card);
    for (let at = this.#limits.length - 1; at >= 0; at--) {
      const limit = this.#limits[at] as number;
      if (limit < tokens) return limit < octave ? 0 : limit;
    }
    return 0;
  }
}
