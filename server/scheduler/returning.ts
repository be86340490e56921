/**
 * Cards that wait for one slot: their session rests there, or what was cut of them lies in its host's memory. Few, so their
 * order, which changes while they wait, is looked at only when one of them may go.
 */
import { type Waiting, waitingBefore } from "./buffer.ts";

export class Returning {
  readonly #all = new Set<Waiting>();

  add(waiting: Waiting): void {
    this.#all.add(waiting);
  }

  delete(waiting: Waiting): void {
    this.#all.delete(waiting);
  }

  get first(): Waiting | null {
    let first: Waiting | null = null;
    for (const waiting of this.#all) {
      if (first === null || waitingBefore(waiting, first)) first = waiting;
    }
    return first;
  }

  [Symbol.iterator](): Iterator<Waiting> {
    return this.#all.values();
  }
}
