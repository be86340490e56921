/** Slots divided once into some for the tail and some for the rest, for the rules that do so by predicted lengths. */
import type { Place } from "./books.ts";
import type { Oracle } from "./oracle.ts";

type Step = ReturnType<Oracle["stepOf"]>;

/**
 * TailSieve's cost of a replica that starts all at once: T = Σ_j L_j·(τ(j) − τ(j−1)), lengths from the longest, so a·L_1 + s·Σ L
 * where a step takes a + s·batch.
 */
export const replicaSeconds = ({ a, s }: Step, lengths: readonly number[]): number =>
  a * Math.max(0, ...lengths) + s * lengths.reduce((sum, tokens) => sum + tokens, 0);

/** Deals in turn, longest first: the sums differ by less than one length. */
export function deal<T>(items: readonly T[], hands: number): T[][] {
  const dealt: T[][] = Array.from({ length: hands }, () => []);
  for (const [i, item] of items.entries()) dealt[i % hands]?.push(item);
  return dealt;
}

/** By order of joining, so that a plan means the same slots at every look. */
export const inOrder = (places: readonly Place[]): Place[] =>
  [...places].sort((a, b) => a.order - b.order);
