/** How long outputs will be: the caller's hint, else the mean of what the job has finished, else a default. */
import type { Card } from "./card.ts";
import type { SchedulerOptions } from "./options.ts";

/**
 * Running mean of a job's finished output lengths. The mean and not a quantile, because what is
 * reserved is a sum over a batch; the headroom covers the sum's spread.
 */
export class LengthEstimate {
  #mean = 0;
  #count = 0;

  add(outputTokens: number, options: SchedulerOptions): void {
    this.#count++;
    const rate = Math.max(options.estimateRate, 1 / this.#count);
    this.#mean += (outputTokens - this.#mean) * rate;
  }

  /** Tokens; null while too few have finished. */
  mean(options: SchedulerOptions): number | null {
    return this.#count < options.estimateAfter ? null : this.#mean;
  }
}

/** Tokens still expected of a rollout that has made `outputTokens`; at least 1 while it may go on. */
export function expectedGrowth(
  card: Card,
  outputTokens: number,
  lengths: LengthEstimate,
  options: SchedulerOptions,
): number {
  const total = card.expectedNewTokens ?? lengths.mean(options) ?? options.defaultNewTokens;
  const growth = Math.max(total - outputTokens, outputTokens * options.tailGrowth, 1);
  return Math.max(0, Math.min(card.maxNewTokens - outputTokens, Math.ceil(growth)));
}
