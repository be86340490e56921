/**
 * A pause of an engine that has no call for it. Nobody but us may send it requests: ours are ended, with what they have,
 * and further ones wait here until it goes on.
 */

import { unlessAborted } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineEvent } from "../engine.ts";

const ENDED: EngineEvent = {
  type: "finished",
  reason: { type: "abort", cause: "drain", matched: null },
  cachedTokens: 0,
  versions: null,
};

export class Standstill {
  readonly #running = new Set<AbortController>();
  #going: PromiseWithResolvers<void> | null = null;

  get paused(): boolean {
    return this.#going !== null;
  }

  /** Throws `unsupported` for what only an engine itself can do. */
  pause(mode: "keep" | "retract" | "abort", engine: string): void {
    if (mode !== "abort") {
      throw new PacelineError(
        "unsupported",
        `${engine} has no call to pause: its requests can only be ended`,
        {
          details: { mode },
        },
      );
    }
    this.#going ??= Promise.withResolvers();
    for (const stop of this.#running) stop.abort();
  }

  resume(): void {
    this.#going?.resolve();
    this.#going = null;
  }

  /** What `start` gives, once nothing stands still, until it does again. */
  async *run(
    signal: AbortSignal,
    start: (signal: AbortSignal) => AsyncIterable<EngineEvent>,
  ): AsyncGenerator<EngineEvent, void> {
    while (this.#going !== null) await unlessAborted(this.#going.promise, signal, "the attempt");
    const stop = new AbortController();
    this.#running.add(stop);
    try {
      yield* start(AbortSignal.any([signal, stop.signal]));
    } catch (error) {
      if (!stop.signal.aborted || signal.aborted) throw error;
      yield ENDED;
    } finally {
      this.#running.delete(stop);
    }
  }
}
