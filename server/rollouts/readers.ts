/**
 * Who still wants a rollout. A unary caller that leaves ends it; a stream may come back within
 * `detachMs`; the last reader gone ends it.
 */
import type { Timer } from "../contract/clock.ts";
import type { LifeContext } from "./life-context.ts";

/** What is read. */
interface Readable {
  /** It waits for whoever asks for it again, and ends by nobody's leaving. */
  readonly kept: boolean;
  end(cause: "client"): void;
}

export class Readers {
  readonly #context: Pick<LifeContext, "clock" | "detachMs">;
  readonly #read: Readable;
  #attached = 0;
  #streams = 0;
  #streamed = false;
  #timer: Timer | null = null;
  #closed = false;

  constructor(context: Pick<LifeContext, "clock" | "detachMs">, read: Readable) {
    this.#context = context;
    this.#read = read;
  }

  /** Somebody reads events as they come. */
  get streaming(): boolean {
    return this.#streams > 0;
  }

  /** More than one wants it. */
  get shared(): boolean {
    return this.#attached > 1;
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
    if (this.#read.kept) return;
    const { clock, detachMs } = this.#context;
    if (!this.#streamed) this.#read.end("client");
    else this.#timer = clock.timer(detachMs, () => this.#read.end("client"));
  }
}
