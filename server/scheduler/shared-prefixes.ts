/**
 * What the prompts that run on one slot have in common. An engine holds its KV once, and each attempt counts its whole
 * context: this is what is counted too often. Segments of a prompt are told apart by the marks at their ends.
 */
import type { Card } from "./card.ts";
import { eachMark } from "./prefix-marks.ts";

export class SharedPrefixes {
  /** Attempts that have the segment which ends at this mark. */
  readonly #holders = new Map<number | string, number>();
  #tokens = 0;

  /** Tokens that are counted more than once. */
  get tokens(): number {
    return this.#tokens;
  }

  add(card: Card): void {
    let before = 0;
    eachMark(card, (mark, tokens) => {
      const holders = this.#holders.get(mark) ?? 0;
      this.#holders.set(mark, holders + 1);
      if (holders > 0) this.#tokens += tokens - before;
      before = tokens;
    });
  }

  /** Of a card that was added. */
  remove(card: Card): void {
    let before = 0;
    eachMark(card, (mark, tokens) => {
      const left = (this.#holders.get(mark) ?? 0) - 1;
      if (left > 0) {
        this.#holders.set(mark, left);
        this.#tokens -= tokens - before;
      } else this.#holders.delete(mark);
      before = tokens;
    });
  }

  /** Tokens of the card that somebody there holds already. */
  of(card: Card): number {
    let shared = 0;
    eachMark(card, (mark, tokens) => {
      if (this.#holders.has(mark)) shared = tokens;
    });
    return shared;
  }
}
