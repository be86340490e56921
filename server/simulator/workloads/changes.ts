import type { Resume } from "./fleets.ts";

/** What a run may have otherwise than its preset. */
export interface PresetChanges {
  readonly workers?: number;
  readonly groups?: number;
  /** Siblings of a group. */
  readonly size?: number;
  readonly sessions?: number;
  /** Where KV of a cut context can be kept. Default `recompute`: nowhere. */
  readonly resume?: Resume;
  /** Host tier as a share of the KV of the worker itself. Default 1. */
  readonly hostShare?: number;
  /** Share of the variance of log length that a group has in common. Default 0.65. */
  readonly within?: number;
  /** All prompts are asked for so often, each time so long after the last; lengths of later times are drawn anew. Default: once. */
  readonly epochs?: { readonly count: number; readonly apartSeconds: number };
}
