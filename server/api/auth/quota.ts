/**
 * How many calls one token may make a second (a token bucket that holds one second's worth, at least
 * one call) and have open at once.
 */
import type { Clock } from "../../contract/clock.ts";
import { type ErrorCode, PacelineError } from "../../contract/errors.ts";

export interface QuotaLimits {
  /** Calls a second; null: any number. */
  readonly rate: number | null;
  /** Calls open at once, streams among them; null: any number. */
  readonly concurrency: number | null;
}

/** A place comes free when some call ends, which nobody can foretell. */
const BUSY_RETRY_MS = 1_000;

export class Quota {
  readonly #who: string;
  readonly #code: ErrorCode;
  readonly #clock: Pick<Clock, "now">;
  #limits: QuotaLimits;
  #level: number;
  #filledAt: number;
  #open = 0;

  /** `code`: `quota_exceeded` where the limit is the caller's own, `overloaded` where all share it. */
  constructor(
    who: string,
    limits: QuotaLimits,
    clock: Pick<Clock, "now">,
    code: ErrorCode = "quota_exceeded",
  ) {
    this.#who = who;
    this.#code = code;
    this.#clock = clock;
    this.#limits = limits;
    this.#level = this.#capacity;
    this.#filledAt = clock.now();
  }

  /** Calls open now. */
  get open(): number {
    return this.#open;
  }

  get #capacity(): number {
    return Math.max(1, this.#limits.rate ?? 0);
  }

  /** Counts a call in; `leave` must follow. Throws, retryable, where it is one too many. */
  enter(): void {
    const { rate, concurrency } = this.#limits;
    if (concurrency !== null && this.#open >= concurrency) {
      const message = `${this.#who} has ${this.#open} calls open, as many as it may`;
      throw this.#refusal(message, BUSY_RETRY_MS, { concurrency });
    }
    if (rate !== null) {
      const now = this.#clock.now();
      const filled = this.#level + ((now - this.#filledAt) / 1_000) * rate;
      this.#level = Math.min(this.#capacity, filled);
      this.#filledAt = now;
      // The slack is far below one call and above the rounding of fractional milliseconds.
      if (this.#level < 1 - 1e-9) {
        const retryMs = Math.ceil(((1 - this.#level) / rate) * 1_000);
        throw this.#refusal(`${this.#who} may make ${rate} calls a second`, retryMs, { rate });
      }
      this.#level--;
    }
    this.#open++;
  }

  leave(): void {
    this.#open--;
  }

  /** New limits for the calls to come; what is open stays counted. */
  change(limits: QuotaLimits): void {
    this.#limits = limits;
    this.#level = Math.min(this.#level, this.#capacity);
  }

  #refusal(message: string, retryAfterMs: number, limit: Record<string, number>): PacelineError {
    return new PacelineError(this.#code, message, { retryAfterMs, details: limit });
  }
}
