/** When a version counts as committed, and how many workers are out of service for it at once. */
export type CommitRule =
  /** When every member has staged; then all swap. */
  | { readonly mode: "all" }
  /** When the first wave has swapped and shown what it holds; `wave` null: a quarter of the members. */
  | { readonly mode: "rolling"; readonly wave: number | null }
  /** When `quorum` members have staged; the others stage and swap after it. */
  | { readonly mode: "quorum"; readonly quorum: number };

/** A roll without a wave size keeps three quarters of the fleet in service. */
const WAVE_SHARE = 1 / 4;

/** Members out of service at once, at least one. */
export function waveOf(rule: CommitRule, members: number, width: number): number {
  if (rule.mode !== "rolling") return width;
  return Math.min(width, rule.wave ?? Math.max(1, Math.floor(members * WAVE_SHARE)));
}
