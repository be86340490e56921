/**
 * Registers the workers that the configuration names, and goes on trying while they are not there: a
 * server and its engines may start in any order. Once registered, the fleet's own probes watch them.
 */
import type { Clock, Random, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Fleet, Registration } from "./fleet.ts";

/** First and longest time between two tries, ms. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;

export interface StaticWorkersParts {
  readonly fleet: Pick<Fleet, "register">;
  readonly clock: Clock;
  readonly random: Random;
  /** Told at each try that failed; `retryMs` null: it cannot succeed and is not tried again. */
  failed(registration: Registration, error: PacelineError, retryMs: number | null): void;
}

export interface StaticWorkers {
  /** Resolves when each was tried once. */
  readonly tried: Promise<void>;
  close(): void;
}

export function registerStatic(
  registrations: readonly Registration[],
  { fleet, clock, random, failed }: StaticWorkersParts,
): StaticWorkers {
  const timers = new Set<Timer>();
  let closed = false;

  async function attempt(registration: Registration, tries: number): Promise<void> {
    try {
      await fleet.register(registration);
    } catch (thrown) {
      if (closed) return;
      const error = PacelineError.from(thrown);
      // An engine that breaks its protocol may be another server that has its port for a while.
      const hopeless = !error.kind.retryable;
      const spread = 0.75 + random.next() / 2;
      const retryMs = hopeless ? null : Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** tries) * spread;
      failed(registration, error, retryMs);
      if (retryMs === null) return;
      const timer = clock.timer(retryMs, () => {
        timers.delete(timer);
        void attempt(registration, tries + 1);
      });
      timers.add(timer);
    }
  }

  return {
    tried: Promise.all(registrations.map((each) => attempt(each, 0))).then(() => undefined),
    close() {
      closed = true;
      for (const timer of timers) timer.cancel();
    },
  };
}
