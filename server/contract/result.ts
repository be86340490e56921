/**
 * What a trainer gets. `createResult` is the only way to make one, and an invalid one cannot be made:
 * aligned (I1), spans and segments contiguous and covering every output token (I2).
 */
import { PacelineError } from "./errors.ts";
import type { FinishReason, GroupRef, LogprobMode, Segment, SessionRef, Span } from "./rollout.ts";
import { assertOffsets, assertPromptLogprobs, type SideData } from "./side-data.ts";
import { assertStored } from "./stored-side.ts";
import { assertAligned } from "./tokens.ts";

export interface Routing {
  /** Worker of the last attempt; `null` when the rollout was never placed. */
  readonly worker: string | null;
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly cachedTokens: number;
  readonly attempts: number;
  readonly moves: number;
}

export interface Usage {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Tokens generated and thrown away, or whose context was computed again. */
  readonly wastedTokens: number;
}

/** Older than its lag limit, and given all the same: its job keeps such and has them flagged. */
export interface Stale {
  /** Of its oldest token, in versions. */
  readonly lag: number;
  readonly maxLag: number;
}

export interface ResultParts {
  readonly id: string;
  readonly job: string;
  readonly policy: string;
  readonly group: GroupRef | null;
  readonly session: SessionRef | null;
  readonly outputTokenIds: Uint32Array;
  readonly logprobs: Float32Array;
  readonly logprobMode: LogprobMode;
  readonly finishReason: FinishReason;
  readonly spans: readonly Span[];
  readonly segments: readonly Segment[];
  readonly routing: Routing;
  readonly usage: Usage;
  /** `null` where no token is too old. */
  readonly stale: Stale | null;
  /** What was wanted beside the tokens; `null` where nothing was. */
  readonly side: SideData | null;
}

declare const checked: unique symbol;
export type Result = ResultParts & { readonly [checked]: true };

/** Throws `misaligned` (I1) or `internal` (I2) instead of making an invalid Result. */
export function createResult(parts: ResultParts): Result {
  assertAligned(parts.outputTokenIds, parts.logprobs);
  const length = parts.outputTokenIds.length;
  assertCovers("spans", parts.spans, length);
  assertCovers("segments", parts.segments, length);
  if (parts.usage.outputTokens !== length) {
    throw new PacelineError(
      "internal",
      `usage says ${parts.usage.outputTokens} of ${length} tokens`,
    );
  }
  if (parts.side !== null) assertSide(parts.side, parts);
  return parts as Result;
}

/** Output tokens that a version before `version` made. */
export const tokensBefore = ({ spans }: Pick<Result, "spans">, version: number): number =>
  spans.reduce((sum, span) => sum + (span.version < version ? span.end - span.start : 0), 0);

function assertSide({ prompt, top, mask, stored }: SideData, { usage }: ResultParts): void {
  if (prompt !== null) assertPromptLogprobs(prompt, usage.promptTokens);
  if (top !== null) {
    assertOffsets(top, usage.outputTokens);
    assertAligned(top.ids, top.logprobs);
  }
  if (mask !== null) assertOffsets(mask, usage.outputTokens);
  if (stored?.prompt) {
    // Fewer where only the prompt's end was scored.
    assertStored("prompt", stored.prompt, Math.min(stored.prompt.rows, usage.promptTokens));
  }
  if (stored?.top) assertStored("top", stored.top, usage.outputTokens);
  if (stored?.mask) assertStored("mask", stored.mask, usage.outputTokens);
}

/** Half-open, contiguous, non-empty, covering `[0, length)`. */
export function assertCovers(
  what: string,
  ranges: readonly { readonly start: number; readonly end: number }[],
  length: number,
): void {
  let at = 0;
  for (const { start, end } of ranges) {
    if (start !== at || end <= start) {
      throw new PacelineError("internal", `${what} break at ${at}: [${start}, ${end})`);
    }
    at = end;
  }
  if (at !== length) {
    throw new PacelineError("internal", `${what} cover ${at} of ${length} output tokens`);
  }
}
