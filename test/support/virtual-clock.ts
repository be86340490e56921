import type { Clock, Timer } from "../../server/contract/clock.ts";

interface Pending {
  at: number;
  order: number;
  fire: () => void;
}

/** A clock that moves only when told to; timers fire in order of their time. */
export class VirtualClock implements Clock {
  #now = 0;
  #jumped = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now + this.#jumped;
  }

  /** Sets the wall's time by `ms` forwards or backwards, as an operator or NTP would; `now` does not notice. */
  jumpWall(ms: number): void {
    this.#jumped += ms;
  }

  timer(ms: number, fire: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, ms), order: this.#order++, fire };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  get timers(): number {
    return this.#pending.size;
  }

  /** Moves on by `ms` with nothing fired: the process stood still, and what fell due comes late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Moves on by `ms`, firing what falls due on the way; lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== null; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #next(end: number): Pending | null {
    let first: Pending | null = null;
    for (const pending of this.#pending) {
      if (pending.at > end) continue;
      if (
        !first ||
        pending.at < first.at ||
        (pending.at === first.at && pending.order < first.order)
      ) {
        first = pending;
      }
    }
    return first;
  }
}

/** Lets everything that is ready to run, run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
