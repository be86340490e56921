/**
 * What may come beside ids and logprobs. Rows of output tokens have one row a token, as logprobs have one
 * entry (I1); nothing is ever filled in. Only what the rollout wants exists.
 */
import { PacelineError } from "./errors.ts";
import type { Want } from "./rollout.ts";
import type { ExpertsWant, RoutedExperts } from "./routed-experts.ts";
import type { StoredSide } from "./stored-side.ts";
import { assertLogprobs } from "./tokens.ts";

/** What an attempt is asked for beside its tokens. */
export type SideWant = Pick<Want, "promptLogprobs" | "topLogprobs" | "samplingMask"> & {
  /** Absent or null: none are wanted. */
  readonly routedExperts?: ExpertsWant | null;
};

/**
 * Logprobs of prompt tokens from position `start` on, each given the tokens before it. Always `raw`: the
 * softmax of the model's logits at temperature 1; penalties, bias and filters do not apply to a prompt.
 */
export interface PromptLogprobs {
  readonly start: number;
  /** One entry a token; NaN for the prompt's first token, which nothing comes before. */
  readonly logprobs: Float32Array;
  /** Version of the weights that computed all of them; `null` where the engine does not tell. */
  readonly version: number | null;
}

/** Rows of ids for consecutive output tokens: row i is `ids[offsets[i], offsets[i + 1])`. */
export interface IdRows {
  /** One more than there are rows; the first is 0. */
  readonly offsets: Uint32Array;
  readonly ids: Uint32Array;
}

/**
 * The most likely ids at each output position, at most as many as were asked for: fewer where the
 * distribution holds fewer. Most likely first, equals by id, in the mode of the tokens' own logprobs.
 */
export interface TopLogprobs extends IdRows {
  readonly logprobs: Float32Array;
}

/** Rows of some consecutive output tokens; `null` where nobody asked. */
export interface SideChunk {
  readonly top: TopLogprobs | null;
  /** The ids that top-k, top-p and min-p left to be drawn from, in ascending order. */
  readonly mask: IdRows | null;
}

/** Of a whole rollout. What is stored is null here. */
export interface SideData extends SideChunk {
  readonly prompt: PromptLogprobs | null;
  /** What lies in the spool; null where nothing does. */
  readonly stored: StoredSide | null;
  /** Null also where the rollout ended without its engine's word: aborted, or its last tokens withheld. */
  readonly experts: RoutedExperts | null;
}

/** Each row sorted, in place. */
export function ascending<R extends IdRows>(rows: R): R {
  const { offsets, ids } = rows;
  for (let row = 0; row + 1 < offsets.length; row++) {
    ids.subarray(offsets[row], offsets[row + 1]).sort();
  }
  return rows;
}

/** The first `tokens` rows of it. */
export function firstRows({ top, mask }: SideChunk, tokens: number): SideChunk {
  const cut = ({ offsets, ids }: IdRows): IdRows => ({
    offsets: offsets.subarray(0, tokens + 1),
    ids: ids.subarray(0, offsets[tokens]),
  });
  return {
    top: top && { ...cut(top), logprobs: top.logprobs.subarray(0, top.offsets[tokens]) },
    mask: mask && cut(mask),
  };
}

/** Bytes that it holds in memory. */
export function sideBytes({ prompt, top, mask, experts }: SideData): number {
  const rows = (given: IdRows | null): number =>
    given === null ? 0 : given.ids.byteLength + given.offsets.byteLength;
  return (
    (prompt?.logprobs.byteLength ?? 0) +
    rows(top) +
    (top?.logprobs.byteLength ?? 0) +
    rows(mask) +
    (experts !== null && "data" in experts.held ? experts.bytes : 0)
  );
}

/** Of all that it has in the spool. */
export function sideRefs({ stored, experts }: SideData): readonly string[] {
  const parts = stored === null ? [] : [stored.prompt, stored.top, stored.mask];
  const held = parts.flatMap((part) => part?.ref ?? []);
  return experts !== null && "ref" in experts.held ? [...held, experts.held.ref] : held;
}

/** What of the rollout's wishes an engine has to give beside tokens; `null` where nothing is. */
export function sideWanted(want: Want): SideWant | null {
  const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = want;
  if (promptLogprobs === null && topLogprobs === 0 && !samplingMask && routedExperts === null) {
    return null;
  }
  return { promptLogprobs, topLogprobs, samplingMask, routedExperts };
}

/** Throws `misaligned` unless there is one finite logprob for each prompt token from `start` on, the first excepted. */
export function assertPromptLogprobs(given: PromptLogprobs, promptTokens: number): void {
  const { start, logprobs } = given;
  if (logprobs.length !== promptTokens - start) {
    throw misaligned(`${promptTokens - start} prompt tokens but ${logprobs.length} logprobs`);
  }
  if (start > 0) assertLogprobs(logprobs);
  else if (Number.isNaN(logprobs[0])) assertLogprobs(logprobs.subarray(1));
  else throw misaligned("a logprob for the prompt's first token");
}

/** Throws `misaligned` unless each of these output tokens has its row of exactly what is wanted. */
export function assertRows(
  ids: Uint32Array,
  side: SideChunk | undefined,
  { topLogprobs, samplingMask }: SideWant,
): void {
  assertWanted("top logprobs", side?.top ?? null, topLogprobs > 0);
  assertWanted("sampling mask", side?.mask ?? null, samplingMask);
  if (side?.top) assertTop(side.top, ids.length, topLogprobs);
  if (side?.mask) assertMask(side.mask, ids);
}

/** Throws `misaligned` for rows that do not fit `tokens` output tokens; what they hold is not looked at. */
export function assertOffsets({ offsets, ids }: IdRows, tokens: number): void {
  if (offsets.length !== tokens + 1 || offsets[0] !== 0 || offsets[tokens] !== ids.length) {
    throw misaligned(`rows of ${offsets.length - 1} for ${tokens} output tokens`);
  }
  for (let i = 0; i < tokens; i++) {
    if ((offsets[i] as number) >= (offsets[i + 1] as number)) {
      throw misaligned(`an empty row at output position ${i} of this run`);
    }
  }
}

function assertWanted(what: string, rows: IdRows | null, wanted: boolean): void {
  if ((rows !== null) === wanted) return;
  throw misaligned(wanted ? `tokens without their ${what}` : `${what} that nobody asked for`);
}

function assertTop(top: TopLogprobs, tokens: number, width: number): void {
  const { offsets, ids, logprobs } = top;
  assertOffsets(top, tokens);
  if (logprobs.length !== ids.length) {
    throw misaligned(`${ids.length} top ids but ${logprobs.length} logprobs`);
  }
  assertLogprobs(logprobs);
  for (let row = 0; row < tokens; row++) {
    const from = offsets[row] as number;
    const to = offsets[row + 1] as number;
    if (to - from > width) throw misaligned(`${to - from} top logprobs where ${width} are wanted`);
    for (let i = from + 1; i < to; i++) {
      if ((logprobs[i] as number) > (logprobs[i - 1] as number)) {
        throw misaligned(`top logprobs out of order at output position ${row} of this run`);
      }
    }
  }
}

function assertMask(mask: IdRows, tokens: Uint32Array): void {
  assertOffsets(mask, tokens.length);
  for (let row = 0; row < tokens.length; row++) {
    const kept = mask.ids.subarray(mask.offsets[row], mask.offsets[row + 1]);
    if (!kept.includes(tokens[row] as number)) {
      throw misaligned(`a sampling mask without its token at output position ${row} of this run`);
    }
  }
}

/** A sampling mask that outgrew its limit: nothing of it is cut, so the rollout fails. */
export const maskTooLarge = (): PacelineError =>
  new PacelineError(
    "side_data_too_large",
    "the sampling mask exceeds its limit; a smaller top_k or top_p makes it shorter",
    { details: { path: "want.sampling_mask" } },
  );

const misaligned = (message: string): PacelineError => new PacelineError("misaligned", message);
