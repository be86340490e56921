/** The normal distribution, and the lognormal cut off from below: what is left of a length that is past `c` already. */

const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);

/** Density. */
const density = (z: number): number => Math.exp(-0.5 * z * z) / ROOT_TWO_PI;

/**
 * P(Z > z). Abramowitz and Stegun 26.2.17, error below 7.5e-8; beyond 6 by the first terms of its asymptotic series,
 * so that hazards stay finite.
 */
export const survival = (z: number): number => survivalOf(z, density(z));

/** `dense`: the density at z, which is that at −z. Without recursion, so that it is inlined: a number that a call returns is an object of its own. */
function survivalOf(z: number, dense: number): number {
  const far = z < 0 ? -z : z;
  const t = 1 / (1 + 0.2316419 * far);
  const poly =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const beyond = far > 6 ? (dense / far) * (1 - 1 / (far * far)) : dense * poly;
  return z < 0 ? 1 - beyond : beyond;
}

/** λ(z) = φ(z) / P(Z > z): also the mean of Z where Z > z. Far out both vanish, and it is z + 1/z − 2/z³. */
export function hazard(z: number): number {
  if (z > 6) return z + 1 / z - 2 / z ** 3;
  const dense = density(z);
  return dense / survivalOf(z, dense);
}

/** z with P(Z > z) = p, to 1e-3 and better: Abramowitz and Stegun 26.2.23. */
export function upperQuantile(p: number): number {
  if (p > 0.5) return -upperQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(Math.max(p, 1e-12)));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  return t - numerator / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/** A lognormal length: mean and standard deviation of its logarithm. */
export interface LogLength {
  readonly mean: number;
  readonly sigma: number;
}

/** Share of lengths beyond which none is known. */
const NOTHING_KNOWN = 1e-9;

/** Least σ that is reckoned with: below it all are alike. */
const LEAST_SIGMA = 1e-3;

/** E[min(L, cap) | L > past], tokens. */
export function meanLength({ mean, sigma }: LogLength, past: number, cap: number): number {
  if (past >= cap) return cap;
  const s = Math.max(sigma, LEAST_SIGMA);
  const from = past < 1 ? Number.NEGATIVE_INFINITY : (Math.log(past) - mean) / s;
  const to = (Math.log(cap) - mean) / s;
  const all = from === Number.NEGATIVE_INFINITY ? 1 : survival(from);
  // So far out that the distribution says nothing of what is left.
  if (all < NOTHING_KNOWN) return past;
  const whole = Math.exp(mean + (s * s) / 2);
  const below = from === Number.NEGATIVE_INFINITY ? 1 : survival(from - s);
  const between = (whole * (below - survival(to - s))) / all;
  return Math.min(cap, Math.max(past, between + (cap * survival(to)) / all));
}

/** Logarithm of the length that a share `p` of those past `past` goes beyond. */
export function logUpper({ mean, sigma }: LogLength, past: number, p: number): number {
  const s = Math.max(sigma, LEAST_SIGMA);
  const all = past < 1 ? 1 : survival((Math.log(past) - mean) / s);
  if (all < NOTHING_KNOWN) return Math.log(past);
  return mean + s * upperQuantile(p * all);
}

/** P(L > past + t | L > past), as a function of t; null so far out that the distribution says nothing of it. */
export function survivalPast(
  { mean, sigma }: LogLength,
  past: number,
): ((t: number) => number) | null {
  const s = Math.max(sigma, LEAST_SIGMA);
  const beyond = (tokens: number): number =>
    tokens < 1 ? 1 : survival((Math.log(tokens) - mean) / s);
  const all = beyond(past);
  return all < NOTHING_KNOWN ? null : (t) => beyond(past + t) / all;
}

export interface Grid {
  readonly grid: readonly number[];
  /** Of these, for lengths of which nothing is past: a third of the work. */
  readonly logs: readonly number[];
  readonly last: number;
  readonly end: number;
}

/** The same for the first of some t, the last of all being `end`, into `into` from `from` on; false where it says nothing. */
export function survivalsPast(
  { mean, sigma }: LogLength,
  past: number,
  { grid, logs, last, end }: Grid,
  into: Float64Array,
  from: number,
): boolean {
  const s = Math.max(sigma, LEAST_SIGMA);
  const all = past < 1 ? 1 : survival((Math.log(past) - mean) / s);
  if (all < NOTHING_KNOWN) return false;
  for (let at = 0; at <= last; at++) {
    const tokens = past + (at === last ? end : (grid[at] as number));
    const log = past === 0 && at < last ? (logs[at] as number) : Math.log(tokens);
    into[from + at] = tokens < 1 ? 1 : survival((log - mean) / s) / all;
  }
  return true;
}
