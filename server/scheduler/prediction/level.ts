/**
 * How long a job's rollouts are by and large: running mean and variance of log length, and how much of that variance
 * siblings of one prompt still show. What is left of it is what a prompt's identity tells.
 */
import type { SchedulerOptions } from "../options.ts";
import { hazard } from "./normal.ts";

/** All alike would leave nothing to step by. */
const LEAST_SIGMA = 0.05;

export class Level {
  /** Of finished ones. */
  #finishedMean = 0;
  #finishedVariance = 0;
  #count = 0;
  /** Of all, those that run included. */
  #mean = 0;
  #variance = 0;
  /** Σ of squared deviations of siblings from their group's mean, and their degrees of freedom, both aged. */
  #withinSum = 0;
  #withinFreedom = 0;

  /** The most that any of them may make, tokens. */
  limit = 0;

  /** Finished so far. */
  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#mean;
  }

  get variance(): number {
    return this.#variance;
  }

  /** `siblings`: of those of its group that ended before it, how many and the mean of their log lengths; null: none. */
  add(
    logLength: number,
    siblings: { readonly count: number; readonly mean: number } | null,
    { estimateRate }: SchedulerOptions,
  ): void {
    this.#count++;
    const rate = Math.max(estimateRate, 1 / this.#count);
    const apart = logLength - this.#finishedMean;
    this.#finishedMean += apart * rate;
    this.#finishedVariance = (1 - rate) * (this.#finishedVariance + rate * apart * apart);
    const off = logLength - this.#mean;
    this.#mean = this.#count === 1 ? logLength : this.#mean + off * rate;
    this.#variance = this.#count === 1 ? 0 : (1 - rate) * (this.#variance + rate * off * off);
    if (siblings === null) return;
    // One more of n: its squared distance from their mean is n/(n+1) of one degree of freedom (Welford).
    const { count, mean } = siblings;
    this.#withinSum *= 1 - estimateRate;
    this.#withinFreedom *= 1 - estimateRate;
    this.#withinSum += (logLength - mean) ** 2 * (count / (count + 1));
    this.#withinFreedom++;
  }

  /**
   * Those that run, by log of what they have made: of a batch that began together the short ones end first, and alone they
   * would pass for all. A step towards the likeliest normal, of which these are cut off from below: Newton's for the mean,
   * expectation maximisation's for the variance, which so few ends as there are at first say nothing of: it leans on the
   * one that all published lengths have.
   */
  weigh(running: readonly number[], { estimateRate, priorVariance, priorShare }: SchedulerOptions) {
    if (this.#count === 0 || running.length === 0) return;
    const sigma = Math.max(LEAST_SIGMA, Math.sqrt(this.#variance));
    const finished = Math.min(this.#count, 1 / estimateRate);
    let slope = finished;
    let score = finished * (this.#finishedMean - this.#mean);
    let squares = finished * (this.#finishedVariance + (this.#finishedMean - this.#mean) ** 2);
    for (const log of running) {
      const at = (log - this.#mean) / sigma;
      const h = hazard(at);
      score += sigma * h;
      slope += Math.max(0, h * (h - at));
      // E[(X − μ)²] of one that is beyond: σ²·(1 + at·h).
      squares += sigma * sigma * Math.max(0, 1 + at * h);
    }
    const prior = priorShare * running.length;
    this.#mean += Math.max(-1, Math.min(1, score / slope));
    this.#variance = (squares + prior * priorVariance) / (finished + running.length + prior);
  }

  /** Variance of log length among siblings. Until enough groups tell, all of it: then a prompt tells nothing. */
  within({ estimateAfter }: SchedulerOptions): number {
    if (this.#withinFreedom < estimateAfter) return this.#variance;
    return Math.min(this.#variance, this.#withinSum / this.#withinFreedom);
  }
}
