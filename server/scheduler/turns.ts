/**
 * Whether turns pay where what is cut must be computed again, both as shares of the time that the work takes:
 *
 *   price   b/(P·τ(b)) · Σ_j P(L > jK)·jK / E[L]   while q tokens are computed, q/P seconds pass for all b that decode there
 *   worth   ρ·τ(b)/τ(1) · JK/L_max                 pulled in order, the longest may begin last, at the speed of a full batch:
 *                                                  T ≤ W/m + L_max (Graham 1966); with turns only what is left after its last, the J-th
 *
 * K = tokens of a turn, E[L] = expected length, b = batch, P = prefill tokens/s, τ(b) = a + s·b.
 */
import { type LogLength, meanLength, survivalPast } from "./prediction/normal.ts";
import type { Slot } from "./slots.ts";

export interface Prospect {
  readonly length: LogLength;
  /** The longest that is to be expected, and what no rollout goes beyond, tokens. */
  readonly longest: number;
  readonly limit: number;
  readonly batch: number;
  readonly rho: number;
}

/** `turn`: tokens. */
export function turnsPay(
  { length, longest, limit, batch, rho }: Prospect,
  { step: { a, s }, prefillTokensPerSecond }: Pick<Slot, "step" | "prefillTokensPerSecond">,
  turn: number,
  leastGain: number,
): boolean {
  const beyond = survivalPast(length, 0);
  if (beyond === null || !(turn > 0)) return false;
  let [computed, last] = [0, 0];
  for (let at = turn; at < Math.min(longest, limit); at += turn) {
    computed += beyond(at) * at;
    last = at;
  }
  const full = a + s * batch;
  const price =
    ((batch / (prefillTokensPerSecond * full)) * computed) / meanLength(length, 0, limit);
  const worth = ((rho * full) / (a + s)) * (last / longest);
  return worth > (1 + leastGain) * price;
}
