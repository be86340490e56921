/**
 * Requests that wait while the trainer has paused generation: an update holds them, it does not fail them. A hold
 * has no end of its own, as SGLang's has none.
 */

import { PacelineError } from "../../../contract/errors.ts";
import { LIMITS } from "../../../limits.ts";

export type Passage = "go" | "abort";

interface Waiter {
  readonly rids: readonly string[];
  readonly settle: (passage: Passage) => void;
}

export class Hold {
  #paused = false;
  readonly #waiters = new Set<Waiter>();

  get paused(): boolean {
    return this.#paused;
  }

  /** Rollouts that wait here. */
  get waiting(): number {
    let sum = 0;
    for (const { rids } of this.#waiters) sum += rids.length;
    return sum;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#release("go", () => true);
  }

  abortAll(): number {
    return this.#release("abort", () => true);
  }

  abort(matches: (rid: string) => boolean): number {
    return this.#release("abort", ({ rids }) => rids.some(matches));
  }

  /** Resolves at once unless generation is paused. `leaves` is given what to call when the caller goes away. */
  pass(rids: readonly string[], leaves: (left: () => void) => void): Promise<Passage> {
    if (!this.#paused) return Promise.resolve("go");
    if (this.#waiters.size >= LIMITS.connections) {
      throw new PacelineError("overloaded", "too many requests wait for continue_generation", {
        retryAfterMs: 1_000,
      });
    }
    return new Promise((settle) => {
      const waiter = { rids, settle };
      this.#waiters.add(waiter);
      leaves(() => {
        if (this.#waiters.delete(waiter)) settle("abort");
      });
    });
  }

  #release(passage: Passage, which: (waiter: Waiter) => boolean): number {
    let released = 0;
    for (const waiter of [...this.#waiters]) {
      if (!which(waiter)) continue;
      this.#waiters.delete(waiter);
      released += waiter.rids.length;
      waiter.settle(passage);
    }
    return released;
  }
}
