/**
 * Who still wants a rollout. A unary caller that leaves ends it; a stream may come back within
 * `detachMs`; the last reader gone ends it.
 */
import type { Clock, Timer } from "../contract/clock.ts";

export class Readers {
  readonly #clock: Clock;
  readonly #detachMs: number;
  readonly #abandoned: () => void;
  #attached = 0;
  #streams = 0;
  #streamed = false;
  #timer: Timer | null = null;
  #closed = false;

  constructor(clock: Clock, detachMs: number, abandoned: () => void) {
    this.#clock = clock;
    this.#detachMs = detachMs;
    this.#abandoned = abandoned;
  }

  /** Somebody reads events as they come. */
  get streaming(): boolean {
    return this.#streams > 0;
  }

  attach(kind: "unary" | "stream"): () => void {
    this.#attached++;
    if (kind === "stream") this.#streams++;
    this.#streamed ||= kind === "stream";
    this.#timer?.cancel();
    this.#timer = null;
    let attached = true;
    return () => {
      if (!attached) return;
      attached = false;
      this.#attached--;
      if (kind === "stream") this.#streams--;
      if (this.#attached === 0 && !this.#closed) this.#last();
    };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #last(): void {
    if (!this.#streamed) this.#abandoned();
    else this.#timer = this.#clock.timer(this.#detachMs, this.#abandoned);
  }
}
