/**
 * How far predictions are to be trusted: each was made before its rollout began and is compared with what came. `sigmaErr`
 * is the root mean square of the error of log length, `coverage` the share that stayed below the bound given for `quantile`
 * of them. That bound is conformal: the prediction plus as many of its own σ as covered that share of the last window, which
 * holds whatever the true distribution is, as long as the next is like the last.
 */
import { type LogLength, upperQuantile } from "./normal.ts";

export class Calibration {
  /** A ring of the last errors in σ of their prediction, and of their squares in log length. */
  readonly #scores: Float64Array;
  readonly #squares: Float64Array;
  /** The scores of the window in order, as many as there are. */
  readonly #sorted: Float64Array;
  readonly #quantile: number;
  #next = 0;
  #count = 0;
  #squareSum = 0;
  #covered = 0;
  /** In σ of a prediction: what the wanted share of the window stayed below. */
  #margin: number;

  constructor(window: number, quantile: number) {
    this.#scores = new Float64Array(window);
    this.#squares = new Float64Array(window);
    this.#sorted = new Float64Array(window);
    this.#quantile = quantile;
    this.#margin = upperQuantile(1 - quantile);
  }

  /** Compared so far, at most the window. */
  get count(): number {
    return Math.min(this.#count, this.#scores.length);
  }

  /** NaN before the first. */
  get sigmaErr(): number {
    return Math.sqrt(Math.max(0, this.#squareSum) / this.count);
  }

  /** Of all so far; NaN before the first. */
  get coverage(): number {
    return this.#covered / this.#count;
  }

  add({ mean, sigma }: LogLength, logLength: number): void {
    const at = this.#next;
    const error = logLength - mean;
    if (error <= this.#margin * sigma) this.#covered++;
    this.#squareSum += error * error - (this.#squares[at] as number);
    this.#squares[at] = error * error;
    const score = sigma > 0 ? error / sigma : 0;
    this.#exchange(score, this.#count < this.#scores.length ? null : (this.#scores[at] as number));
    this.#scores[at] = score;
    this.#next = (at + 1) % this.#scores.length;
    this.#count++;
    this.#renew();
  }

  /** Puts one score in its place in order, and takes out the one that leaves the window. */
  #exchange(score: number, old: number | null): void {
    const sorted = this.#sorted;
    let { count } = this;
    if (old !== null) {
      const from = rankOf(sorted, count, old);
      sorted.copyWithin(from, from + 1, count--);
    }
    const to = rankOf(sorted, count, score);
    sorted.copyWithin(to + 1, to, count);
    sorted[to] = score;
  }

  /** The normal's margin stays while too few are known to tell. */
  #renew(): void {
    const { count } = this;
    // The finite sample's correction: of n + 1 that are exchangeable, the new one is among the first ⌈q(n + 1)⌉.
    const rank = Math.ceil(this.#quantile * (count + 1));
    if (rank > count) return;
    this.#margin = Math.max(0, this.#sorted[rank - 1] as number);
  }
}

/** How many of the first `count` are less. */
function rankOf(sorted: Float64Array, count: number, score: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < score) low = middle + 1;
    else high = middle;
  }
  return low;
}
