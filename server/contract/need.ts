/** When a call of many has enough, and what becomes of what it still has running then. */
export interface Need {
  /** Whole groups that are enough; a rollout without a group is one alone. */
  readonly groups: number;
  /** Finished members that make a group whole; `null`: its size. */
  readonly members: number | null;
  readonly partial: PartialFate;
}

/**
 * `return`: ends with what it made. `drop`: ends without it. `keep`: does not end; the server holds it with what it made
 * until the same rollout is asked for again.
 */
export type PartialFate = "return" | "keep" | "drop";
