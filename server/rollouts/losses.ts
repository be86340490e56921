/**
 * What failed of a rollout's attempts: how often in a row, what the last one said, and where the next may not run.
 * When nobody is left but workers that failed it, each is asked once more, since what failed may have passed; then
 * it ends, since what fails everywhere lies with the rollout or with all.
 */
import type { PacelineError } from "../contract/errors.ts";
import type { Evidence } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";

/** Shared by all that failed nowhere yet. */
export const NONE: readonly string[] = [];

export class Losses {
  #inARow = 0;
  #last: PacelineError | null = null;
  #avoid = NONE;
  #secondRound = false;

  /** What the last attempt that failed said. */
  get last(): PacelineError | null {
    return this.#last;
  }

  /** Incarnations that failed it. */
  get avoid(): readonly string[] {
    return this.#avoid;
  }

  /** A token came: failures count from here. */
  progressed(): void {
    this.#inARow = 0;
  }

  /** Answers whether there may be another attempt. */
  add(error: PacelineError): boolean {
    this.#inARow++;
    this.#last = error;
    return this.#inARow < LIMITS.attempts;
  }

  shun(incarnation: string): void {
    this.#avoid = [...this.#avoid, incarnation];
  }

  /** All that are left are shunned: `null` where they may be asked again, else what the rollout ends in. */
  forgive(): PacelineError | null {
    if (this.#secondRound) return this.#last;
    this.#secondRound = true;
    this.#avoid = NONE;
    return null;
  }
}

/** What an error of the engine's is to the fleet. */
export function evidenceOf({ code, details }: PacelineError): Evidence {
  if (code === "engine_unreachable") return "socket_lost";
  if (details["misversioned"] === true) return "misversioned";
  return code === "misaligned" ? "misaligned" : "engine_error";
}
