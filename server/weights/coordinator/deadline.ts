/** Waits that end: by an answer, by a deadline on the injected clock, or because nobody wants them any more. */
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";

/**
 * Throws `deadline_exceeded` after `ms`, `cancelled` when `outer` aborts; at once in both cases, even if
 * `run` ignores its signal. What `run` answers later is of no consequence.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cancelled = (): PacelineError =>
    new PacelineError("cancelled", `${what}: given up (${String(outer.reason)})`);
  if (outer.aborted) throw cancelled();
  const inner = new AbortController();
  const { promise: over, reject } = Promise.withResolvers<never>();
  const end = (error: PacelineError): void => {
    reject(error);
    inner.abort(error);
  };
  const cancel = (): void => end(cancelled());
  outer.addEventListener("abort", cancel, { once: true });
  const timer = clock.timer(ms, () =>
    end(new PacelineError("deadline_exceeded", `${what}: no answer within ${ms} ms`)),
  );
  try {
    return await Promise.race([over, run(inner.signal)]);
  } finally {
    timer.cancel();
    outer.removeEventListener("abort", cancel);
  }
}

/** Throws `cancelled` when `signal` aborts. */
export function delay(clock: Clock, ms: number, what: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.timer(ms, resolve);
  return withDeadline(clock, ms + 1, what, signal, () => promise).finally(() => timer.cancel());
}
