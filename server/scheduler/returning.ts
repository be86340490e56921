/**
 * Cards that wait for one slot: their session rests there, or what was cut of them lies in its host's memory. Their order
 * changes while they wait: who is first is found anew only after it did, since every end there asks.
 */
import { type Waiting, waitingBefore } from "./waiting.ts";

export class Returning {
  readonly #all = new Set<Waiting>();
  #first: Waiting | null = null;
  /** Whether another may be first by now. */
  #stale = false;

  add(waiting: Waiting): void {
    this.#all.add(waiting);
    if (this.#first === null || waitingBefore(waiting, this.#first)) this.#first = waiting;
  }

  delete(waiting: Waiting): void {
    this.#all.delete(waiting);
    if (this.#first === waiting) this.reordered();
  }

  /** One of them stands anew. */
  reordered(): void {
    this.#first = null;
    this.#stale = this.#all.size > 0;
  }

  get first(): Waiting | null {
    if (!this.#stale) return this.#first;
    for (const waiting of this.#all) {
      if (this.#first === null || waitingBefore(waiting, this.#first)) this.#first = waiting;
    }
    this.#stale = false;
    return this.#first;
  }

  [Symbol.iterator](): Iterator<Waiting> {
    return this.#all.values();
  }
}
