import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";

/**
 * Runs a call to an engine for at most `ms`. Throws `engine_unreachable` with `details.silent` when
 * the time is over, also if the call ignores its signal: a hung engine must not hang us. Where the timer itself comes late
 * we stood still, and the answer may lie unread: the engine is given as long again as it was late, at most `ms`, once.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let fire: (error: PacelineError) => void = () => {};
  const over = new Promise<never>((_, reject) => {
    fire = reject;
  });
  const due = clock.now() + ms;
  const end = (): void => {
    const error = new PacelineError("engine_unreachable", `${what}: no answer within ${ms} ms`, {
      details: { silent: true },
    });
    // First, so that the race is decided by this and not by what the aborted call throws.
    fire(error);
    controller.abort(error);
  };
  let timer = clock.timer(ms, () => {
    timer = clock.timer(Math.min(clock.now() - due, ms), end);
  });
  try {
    return await Promise.race([call(controller.signal), over]);
  } finally {
    timer.cancel();
  }
}
