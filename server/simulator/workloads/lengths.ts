/**
 * Lengths of rollouts as published measurements have them: lognormal, correlated within a group, cut at a cap.
 *
 *     log L = μ + σ·(√ρ_g · z_group + √(1 − ρ_g) · z_sample)
 *
 * TailSieve (2026) attributes 64.8 % of the variance of log length to the prompt, hence ρ_g = 0.65; σ ≈ 1 follows from
 * the P90/P50 and P99/P50 of TailSieve, RollPacker (2509.21009) and Laminar (2510.12633).
 */
import type { Random } from "../../contract/clock.ts";

export interface LengthLaw {
  /** Mean and standard deviation of the log of a length in tokens. */
  readonly mu: number;
  readonly sigma: number;
  /** Share of the variance of log length that a group has in common. */
  readonly within: number;
  /** Longest, tokens. */
  readonly cap: number;
  /** Share of rollouts that never stop by themselves (DARTS, 2605.30859). */
  readonly runaway: number;
}

/** By Box–Muller; the second of the pair is dropped, so that draws depend on nothing before them but the source. */
export function standardNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

export function lognormal(random: Random, median: number, sigma: number, cap: number): number {
  return clip(Math.log(median) + sigma * standardNormal(random), cap);
}

/** Lengths of the members of one group. `prompt`: a standard normal, what its prompt makes of it in every epoch. */
export function groupLengths(
  random: Random,
  law: LengthLaw,
  size: number,
  prompt = standardNormal(random),
): number[] {
  const { mu, sigma, within, cap, runaway } = law;
  const common = Math.sqrt(within) * prompt;
  return Array.from({ length: size }, () => {
    const z = common + Math.sqrt(1 - within) * standardNormal(random);
    return random.next() < runaway ? cap : clip(mu + sigma * z, cap);
  });
}

const clip = (log: number, cap: number): number =>
  Math.max(1, Math.min(cap, Math.round(Math.exp(log))));
