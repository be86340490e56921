/**
 * What an early stop does to the lengths of what is kept: the longest are cut, so the kept ones are too short. What all would
 * have been is estimated from those that ended and those that were cut, of which only a least length is known, by
 * the product-limit estimator (Kaplan and Meier, 1958):
 *
 *     S(l) = Π over lengths x ≤ l of those that ended:  1 − ended(x) / atLeast(x)
 *
 * Its mean is ∫ S up to the longest known length, hence, where that one was cut, at least so much; a quantile beyond it is not
 * known. One that was cut before its first token says nothing.
 */

/** Tokens; null where not known. */
export interface Lengths {
  readonly mean: number;
  readonly p50: number | null;
  readonly p90: number | null;
}

export interface LengthBias {
  /** Of those that ended by themselves; null without one. */
  readonly kept: Lengths | null;
  /** Of all, as if none had been cut; null without one that ended. */
  readonly all: Lengths | null;
  /** kept.mean / all.mean − 1: by how much those kept are too short, at least. */
  readonly bias: number | null;
}

export function lengthBias(ended: readonly number[], cut: readonly number[]): LengthBias {
  if (ended.length === 0) return { kept: null, all: null, bias: null };
  const kept = survival(ended, []);
  const all = survival(ended, cut);
  return { kept, all, bias: all.mean === 0 ? 0 : kept.mean / all.mean - 1 };
}

function survival(ended: readonly number[], cut: readonly number[]): Lengths {
  const ends = ended.toSorted((a, b) => a - b);
  const cuts = cut.toSorted((a, b) => a - b);
  const quantiles = { p50: null as number | null, p90: null as number | null };
  let mean = 0;
  let longer = 1;
  let before = 0;
  let gone = 0;
  for (let at = 0; at < ends.length; ) {
    const length = ends[at] as number;
    let next = at;
    while (ends[next] === length) next++;
    // One that was cut at this length was longer.
    while (gone < cuts.length && (cuts[gone] as number) < length) gone++;
    const atLeast = ends.length - at + (cuts.length - gone);
    mean += longer * (length - before);
    longer *= 1 - (next - at) / atLeast;
    before = length;
    at = next;
    // In doubles one less nine tenths is a little more than a tenth.
    if (longer <= 0.5 + 1e-9) quantiles.p50 ??= length;
    if (longer <= 0.1 + 1e-9) quantiles.p90 ??= length;
  }
  mean += longer * Math.max(0, (cuts.at(-1) ?? 0) - before);
  return { mean, ...quantiles };
}
