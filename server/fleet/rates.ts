/**
 * Fits a worker's decode step time `a + s·batch` and its prefill rate from telemetry. Least squares with
 * exponential forgetting over sufficient statistics (what recursive least squares computes, without its
 * covariance wind-up when the batch stands still). Guards: a residual beyond `GUARD` times the usual one
 * counts less (Huber's weight), and of a window that held prefill only its short steps are fitted.
 */
import type { EngineTelemetry } from "../../adapters/engine.ts";
import type { Rates } from "./fleet.ts";

type Step = EngineTelemetry["steps"][number];

/** Weight kept per step: the last ~200 steps decide. */
const FORGET = 0.995;
/** Steps before a fit is told. */
const WARM_UP = 16;
/** Huber's constant over the mean absolute residual: ~95 % efficient under normal noise, blunt to stalls. */
const GUARD = 2;
/** Residuals below this share of the mean step are never outliers: without it a perfect line would trust nothing new. */
const QUIET = 0.02;
/** Pull of the slope towards 0, as variance of the batch: with one batch size seen, all time is `a`. */
const RIDGE = 0.05;
/**
 * Least s / a, a tenth of what any engine was measured to have. At 0, as the first steps with their prefill would have it, a worker
 * seems to take any number of sequences at no cost to those that run there, and is given them all.
 */
const LEAST = 0.001;
/** Standard deviation over mean absolute deviation, of normal noise. */
const NORMAL = 1.2533;
/** Steps of a window with prefill that take longer than this many medians hold a prefill chunk. */
const SHORT = 1.5;
/** Least seconds of prefill seen before its rate is told: below it, timer noise decides. */
const PREFILL_SECONDS = 0.005;
/** Weight kept per window with prefill. */
const PREFILL_FORGET = 0.9;

/** Of an engine's telemetry, what rates are fitted from. */
export type Work = Pick<EngineTelemetry, "steps" | "prefillTokens">;

export interface RatesFit {
  add(telemetry: Work): void;
  rates(): Rates;
}

export function createRatesFit(): RatesFit {
  const line = createLineFit();
  let previous: Work | null = null;
  let prefillTokens = 0;
  let prefillSeconds = 0;

  function learnPrefill(tokens: number, steps: readonly Step[]): void {
    const fit = line.fit();
    let seconds = 0;
    for (const step of steps) {
      if (step.batch === 0) seconds += step.seconds;
      else if (fit) seconds += Math.max(0, step.seconds - fit.a - fit.s * step.batch);
    }
    prefillTokens = prefillTokens * PREFILL_FORGET + tokens;
    prefillSeconds = prefillSeconds * PREFILL_FORGET + seconds;
  }

  return {
    add(telemetry) {
      const steps = newSteps(previous?.steps ?? [], telemetry.steps);
      const prefilled = previous === null ? null : telemetry.prefillTokens - previous.prefillTokens;
      const complete = steps.length < telemetry.steps.length;
      previous = telemetry;
      const decoding = steps.filter((step) => step.batch > 0);
      const limit = prefilled === 0 ? Number.POSITIVE_INFINITY : SHORT * median(decoding);
      for (const step of decoding) if (step.seconds <= limit) line.add(step);
      // Of a window with steps missing we cannot tell which seconds its prefill took.
      if (prefilled !== null && prefilled > 0 && complete) learnPrefill(prefilled, steps);
    },
    rates: () => ({
      step: line.fit(),
      prefillTokensPerSecond:
        prefillSeconds < PREFILL_SECONDS ? null : prefillTokens / prefillSeconds,
    }),
  };
}

/** Engines tell their last steps without a count: what is new starts where the old tail ends. */
export function newSteps(previous: readonly Step[], current: readonly Step[]): readonly Step[] {
  for (let shared = Math.min(previous.length, current.length); shared > 0; shared--) {
    const offset = previous.length - shared;
    let same = true;
    for (let i = 0; i < shared && same; i++) {
      const [a, b] = [previous[offset + i], current[i]];
      same = a?.batch === b?.batch && a?.seconds === b?.seconds;
    }
    if (same) return current.slice(shared);
  }
  return current;
}

function createLineFit(): { add(step: Step): void; fit(): Rates["step"] } {
  let seen = 0;
  let weight = 0;
  let meanBatch = 0;
  let meanSeconds = 0;
  /** Σ w·(b − b̄)² and Σ w·(b − b̄)·(t − t̄), by Welford's update. */
  let spread = 0;
  let covariance = 0;
  /** Mean absolute residual, with the same forgetting. */
  let usual = 0;

  function slope(): number {
    const least = (LEAST * meanSeconds) / (1 + LEAST * meanBatch);
    return weight === 0 ? 0 : Math.max(least, covariance / (spread + RIDGE * weight));
  }

  return {
    add({ batch, seconds }) {
      const residual = seconds - (meanSeconds + slope() * (batch - meanBatch));
      const size = Math.abs(residual);
      const bound = seen < WARM_UP ? size : GUARD * Math.max(usual, QUIET * meanSeconds);
      const w = size > bound ? Math.max(bound / size, 0.01) : 1;
      // Grows by a bounded factor a step, so that one stall changes little and a new regime is learnt.
      usual += (Math.min(size, 4 * bound) - usual) / Math.min(++seen, 100);
      weight = weight * FORGET + w;
      spread *= FORGET;
      covariance *= FORGET;
      const db = batch - meanBatch;
      meanBatch += (w / weight) * db;
      meanSeconds += (w / weight) * (seconds - meanSeconds);
      spread += w * db * (batch - meanBatch);
      covariance += w * db * (seconds - meanSeconds);
    },
    fit() {
      if (seen < WARM_UP) return null;
      const s = slope();
      const error = meanSeconds > 0 ? (NORMAL * usual) / Math.sqrt(weight) / meanSeconds : 0;
      return { a: Math.max(0, meanSeconds - s * meanBatch), s, error };
    },
  };
}

function median(steps: readonly Step[]): number {
  const sorted = steps.map((step) => step.seconds).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
