/** When a version counts as committed, and how many workers are out of service for it at once. */
export type CommitRule =
  /** When every member has staged; then all swap. */
  | { readonly mode: "all" }
  /** When the first wave has swapped and shown what it holds; `wave` null: as many as can be spared. */
  | { readonly mode: "rolling"; readonly wave: number | null }
  /** When `quorum` members have staged; the others stage and swap after it. */
  | { readonly mode: "quorum"; readonly quorum: number };

/**
 * A roll without a wave size takes what its members can spare, as shares of them: at least an eighth, so that a full fleet is through
 * after eight pauses, and at most half, so that an idle one does not all wait for what may be wrong.
 */
const WAVE_SHARES = { least: 1 / 8, most: 1 / 2 };

/** Members out of service at once, at least one. `spareShare`: of their room, what nothing needs now. */
export function waveOf(
  rule: CommitRule,
  members: number,
  spareShare: number,
  width: number,
): number {
  if (rule.mode !== "rolling") return width;
  const { least, most } = WAVE_SHARES;
  const share = Math.min(most, Math.max(least, spareShare));
  return Math.min(width, rule.wave ?? Math.max(1, Math.floor(members * share)));
}
