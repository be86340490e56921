/** Work that its caller may give up. */
import { PacelineError } from "./errors.ts";

/** What the signal was aborted with, or `cancelled` of `what`. */
export function errorFromSignal(signal: AbortSignal, what: string): PacelineError {
  const { reason } = signal;
  if (reason instanceof PacelineError) return reason;
  return new PacelineError("cancelled", `${what} was cancelled`, { cause: reason });
}

/** Whoever waits may leave, which throws `errorFromSignal`; what they waited for goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = (): void => reject(errorFromSignal(signal, what));
    if (signal.aborted) left();
    else signal.addEventListener("abort", left, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", left));
  });
}
