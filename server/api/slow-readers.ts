/**
 * Readers that take nothing are cut, whatever they were sent: one look at all of them now and then costs
 * no reply anything. A reader that is merely slow has time by the size of what waits for it.
 */
import type { Clock, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";

/** Somebody who is sent bytes: a connection, or one stream of it. */
export interface Reader {
  /** Bytes that he was sent and has not taken. */
  readonly waiting: number;
  /** Changes whenever he takes something. */
  readonly taken: number;
  cut(): void;
}

export interface SlowReaders {
  add(reader: Reader): void;
  /** He is gone. */
  remove(reader: Reader): void;
}

interface Mark {
  taken: number;
  /** When he was last seen to want nothing, or to take something. */
  at: number;
}

/** Looks at each in so many parts of the bound: one is cut after 1 to 1.5 of it. */
const LOOKS = 4;

/** @param cut Told of each that was cut. */
export function createSlowReaders(
  clock: Pick<Clock, "now" | "timer">,
  stallMs: number,
  cut: (error: PacelineError) => void,
): SlowReaders {
  const marks = new Map<Reader, Mark>();
  let timer: Timer | null = null;

  const look = (): void => {
    timer = clock.timer(stallMs / LOOKS, look);
    const now = clock.now();
    for (const [reader, mark] of marks) {
      const { waiting, taken } = reader;
      if (waiting === 0 || taken !== mark.taken) {
        mark.taken = taken;
        mark.at = now;
      } else if (now - mark.at >= stallMs + waiting / LIMITS.readerBytesPerMs) {
        // He leaves by himself, once his connection has closed.
        mark.at = now;
        reader.cut();
        cut(new PacelineError("deadline_exceeded", "a reader took nothing for too long: cut off"));
      }
    }
  };

  return {
    add(reader) {
      marks.set(reader, { taken: reader.taken, at: clock.now() });
      timer ??= clock.timer(stallMs / LOOKS, look);
    },
    remove(reader) {
      marks.delete(reader);
      if (marks.size > 0) return;
      timer?.cancel();
      timer = null;
    },
  };
}
