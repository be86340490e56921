/** Requests of ours that run under each adapter: an adapter leaves its engine behind the last of them. */
import { PacelineError } from "../../server/contract/errors.ts";

export class InUse {
  readonly #running = new Map<string, number>();
  readonly #idle = new Map<string, (() => void)[]>();

  /** Passes the events on and counts the request while they come. */
  async *counted<Event>(name: string, events: AsyncIterable<Event>): AsyncGenerator<Event> {
    this.#running.set(name, (this.#running.get(name) ?? 0) + 1);
    try {
      yield* events;
    } finally {
      this.#left(name);
    }
  }

  /** Resolves when nothing runs under it. Throws what aborted `signal`. */
  idle(name: string, signal: AbortSignal): Promise<void> {
    if (!this.#running.has(name)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancel = (): void => reject(PacelineError.from(signal.reason));
      if (signal.aborted) return cancel();
      signal.addEventListener("abort", cancel, { once: true });
      const waiting = this.#idle.get(name) ?? [];
      this.#idle.set(name, waiting);
      waiting.push(() => {
        signal.removeEventListener("abort", cancel);
        resolve();
      });
    });
  }

  #left(name: string): void {
    const left = (this.#running.get(name) ?? 1) - 1;
    if (left > 0) {
      this.#running.set(name, left);
      return;
    }
    this.#running.delete(name);
    const waiting = this.#idle.get(name) ?? [];
    this.#idle.delete(name);
    for (const tell of waiting) tell();
  }
}
