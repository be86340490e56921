/** What a rollout's life asks of its job, and tells it. */
import type { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { Made } from "../scheduler/bound/bound.ts";

export interface JobsPort {
  /** Counts it as in flight until `left`. Throws `quota_exceeded`, and has then counted nothing. */
  enter(rollout: Rollout): void;
  /** Instead of `left`, for one that something else refused right after `enter`. */
  refused(rollout: Rollout): void;
  /**
   * True: it may look for a place now. False: its job's staleness bound holds it, and `open` is called
   * once when it may, unless it has left before.
   */
  admits(rollout: Rollout, open: () => void): boolean;
  /** It is kept for later: not in flight until it enters again, though its group is let in all the same. `made`: since it entered. */
  rests(rollout: Rollout, made: Made): void;
  /** `before`: output tokens that it had when it entered; null where it rested. */
  left(
    rollout: Rollout,
    ending: { readonly result: Result } | { readonly error: PacelineError },
    before: number | null,
  ): void;
}
