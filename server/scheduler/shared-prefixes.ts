/**
 * What the prompts that run on one slot have in common. An engine holds its KV once, and each attempt counts its whole
 * context: this is what is counted too often. Segments of a prompt are told apart by the marks at their ends.
 */
import type { Marks } from "./prefix-marks.ts";

/** A part of a prompt, from one mark to the next. */
interface Segment {
  /** As whoever came first has it: others with this mark do too, unless two marks are one by chance. */
  readonly tokens: number;
  holders: number;
}

export class SharedPrefixes {
  readonly #segments = new Map<number | string, Segment>();
  #tokens = 0;

  /** Tokens that are counted more than once: Σ tokens·(holders − 1). */
  get tokens(): number {
    return this.#tokens;
  }

  add({ keys, ends, promptTokens }: Marks): void {
    let before = 0;
    for (let i = 0; i < keys.length; i++) {
      const mark = keys[i] as number | string;
      // A card may claim a prefix longer than its prompt.
      const tokens = Math.min(ends[i] as number, promptTokens);
      const known = this.#segments.get(mark);
      if (known === undefined) this.#segments.set(mark, { tokens: tokens - before, holders: 1 });
      else {
        known.holders++;
        this.#tokens += known.tokens;
      }
      before = tokens;
    }
  }

  /** Of a prompt that was added. */
  remove({ keys }: Marks): void {
    for (const mark of keys) {
      const known = this.#segments.get(mark);
      if (known === undefined) continue;
      known.holders--;
      if (known.holders === 0) this.#segments.delete(mark);
      else this.#tokens -= known.tokens;
    }
  }

  /** What `add` would count more than once: tokens of the prompt that somebody there holds already. */
  of({ keys }: Marks): number {
    let shared = 0;
    for (const mark of keys) shared += this.#segments.get(mark)?.tokens ?? 0;
    return shared;
  }
}
