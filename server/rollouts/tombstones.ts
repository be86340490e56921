/**
 * Which Results there have been, after they are gone: 96 bits of id and body, the oldest forgotten beyond a
 * limit. 20 bytes a tombstone and no object, so that a million grow neither the heap nor its collections.
 *
 * Two ids that share 64 bits of SHA-256 would have a new rollout refused as an old one: with a million
 * tombstones once in 10^13 submissions. Two bodies of one id that share 32 would meet the other refusal.
 * No wrong Result can come of either: there is none here.
 */
import { hash } from "node:crypto";

/** Of a tombstone: two of its id, one of its body. */
const WORDS = 3;

export class Tombstones {
  readonly #limit: number;
  /** A ring in order of burial. */
  readonly #ring: Uint32Array;
  /** Open addressing with linear probes: a place of the ring plus one, or 0 where it is empty. */
  readonly #index: Uint32Array;
  readonly #mask: number;
  #buried = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#ring = new Uint32Array(limit * WORDS);
    // At most half full, so that a probe is short.
    this.#index = new Uint32Array(2 ** Math.ceil(Math.log2(2 * limit)));
    this.#mask = this.#index.length - 1;
  }

  /** Whether the Result under `key` was of this body or of another; null: there was none, or it is forgotten. */
  find(key: string, bodyHash: string): "same" | "other" | null {
    if (this.#buried === 0) return null;
    const [first, second] = wordsOf(key);
    const entry = this.#entry(this.#seek(first, second));
    if (entry === 0) return null;
    return this.#word(entry - 1, 2) === wordsOf(bodyHash)[0] ? "same" : "other";
  }

  /** Does nothing for a key that is buried already. */
  bury(key: string, bodyHash: string): void {
    const [first, second] = wordsOf(key);
    if (this.#entry(this.#seek(first, second)) !== 0) return;
    const place = this.#buried % this.#limit;
    if (this.#buried >= this.#limit) this.#forget(place);
    this.#ring.set([first, second, wordsOf(bodyHash)[0]], place * WORDS);
    this.#index[this.#seek(first, second)] = place + 1;
    this.#buried++;
  }

  /** Where in the index it is, or would be. */
  #seek(first: number, second: number): number {
    let at = first & this.#mask;
    for (let entry = this.#entry(at); entry !== 0; entry = this.#entry(at)) {
      if (this.#word(entry - 1, 0) === first && this.#word(entry - 1, 1) === second) break;
      at = (at + 1) & this.#mask;
    }
    return at;
  }

  /** Moves up what was pushed beyond it, so that no probe ends early. */
  #forget(place: number): void {
    let hole = this.#seek(this.#word(place, 0), this.#word(place, 1));
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const entry = this.#entry(at);
      if (entry === 0) break;
      const pushed = (at - this.#word(entry - 1, 0)) & this.#mask;
      if (pushed < ((at - hole) & this.#mask)) continue;
      this.#index[hole] = entry;
      hole = at;
    }
    this.#index[hole] = 0;
  }

  #entry(at: number): number {
    return this.#index[at] as number;
  }

  #word(place: number, word: number): number {
    return this.#ring[place * WORDS + word] as number;
  }
}

function wordsOf(text: string): readonly [number, number] {
  const digest = hash("sha256", text, "buffer");
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}
