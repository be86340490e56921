/**
 * Requests that wait at a mount: a pause holds them, it does not fail them. vLLM's holds until its engines stand still (then
 * requests wait for a worker), SGLang's until the trainer goes on. A hold has no end of its own, as neither has.
 */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { onDisconnect } from "../http/disconnect.ts";

export type Passage = "go" | "abort";

interface Waiter {
  /** Under which the caller may end it. */
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

  /** How many requests that were; so too `abort`. */
  abortAll(): number {
    return this.#release("abort", () => true);
  }

  abort(matches: (rid: string) => boolean): number {
    return this.#release("abort", ({ rids }) => rids.some(matches));
  }

  /**
   * Resolves at once unless generation is paused. `leaves` is given what to call when the caller goes away. Throws
   * `overloaded` where too many wait.
   */
  pass(rids: readonly string[], leaves: (left: () => void) => void): Promise<Passage> {
    if (!this.#paused) return Promise.resolve("go");
    if (this.#waiters.size >= LIMITS.connections) {
      throw new PacelineError("overloaded", "too many requests wait while generation is paused", {
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

  /** As `pass`; `gone`: the caller has left. */
  async passes(rids: readonly string[], { raw }: FastifyReply): Promise<Passage | "gone"> {
    const passage = await this.pass(rids, (left) => void onDisconnect(raw, left));
    return raw.destroyed ? "gone" : passage;
  }

  #release(passage: Passage, which: (waiter: Waiter) => boolean): number {
    const released = [...this.#waiters].filter(which);
    for (const waiter of released) {
      this.#waiters.delete(waiter);
      waiter.settle(passage);
    }
    return released.length;
  }
}
