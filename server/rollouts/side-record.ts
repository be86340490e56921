/**
 * A rollout's side data while it grows: kept over all its attempts, so that what a lost worker told is
 * never computed again.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Rollout } from "../contract/rollout.ts";
import {
  assertPromptLogprobs,
  assertRows,
  firstRows,
  maskTooLarge,
  type PromptLogprobs,
  type SideChunk,
  type SideData,
  type SideWant,
  sideWanted,
} from "../contract/side-data.ts";
import { SideBuffer } from "../contract/side-rows.ts";
import { LIMITS } from "../limits.ts";
import { ExpertsRecord } from "./experts-record.ts";
import { placed, type SidePlace } from "./side-place.ts";
import type { SideStore } from "./side-store.ts";

/** Of a server. */
export interface SideSettings {
  /** Null: nothing goes by reference. */
  readonly sideStore: SideStore | null;
  /** A part of so many bytes lies in the Result, a larger one in the store. */
  readonly sideInlineBytes: number;
}

export class SideRecord {
  readonly #want: SideWant;
  readonly #promptTokens: number;
  #rows: SideBuffer;
  #prompt: PromptLogprobs | null = null;
  /** Null where none are wanted. */
  readonly experts: ExpertsRecord | null;
  readonly #place: SidePlace;
  /** What the Result is told, once there is one. */
  #data: SideData | null = null;

  constructor(want: SideWant, promptTokens: number, place: SidePlace) {
    this.#want = want;
    this.#place = place;
    const { routedExperts } = want;
    this.experts = routedExperts
      ? new ExpertsRecord(routedExperts, { ...place, promptTokens })
      : null;
    this.#promptTokens = promptTokens;
    this.#rows = new SideBuffer(want);
  }

  /** Version that scored the prompt; `null` while none has. */
  get promptVersion(): number | null {
    return this.#prompt?.version ?? null;
  }

  /** What the next attempt has to give: a prompt is scored once. */
  get wanted(): SideWant {
    return this.#prompt === null ? this.#want : { ...this.#want, promptLogprobs: null };
  }

  /** Throws `misaligned` for logprobs that are not of this prompt, or that nobody asked for. */
  prompt(prompt: PromptLogprobs): void {
    const wanted = this.#want.promptLogprobs;
    if (wanted === null || this.#prompt !== null || prompt.start !== wanted.start) {
      throw new PacelineError("misaligned", `prompt logprobs from ${prompt.start}, not asked for`);
    }
    assertPromptLogprobs(prompt, this.#promptTokens);
    this.#prompt = prompt;
  }

  /** Rows of the tokens that come next. Throws `misaligned`, or `side_data_too_large` beyond the limit. */
  append(ids: Uint32Array, side: SideChunk | undefined): void {
    assertRows(ids, side, this.#want);
    if (side === undefined) return;
    if (this.#rows.maskIds + (side.mask?.ids.length ?? 0) > LIMITS.samplingMaskIds) {
      throw maskTooLarge();
    }
    this.#rows.append(side);
  }

  /** Throws `misaligned` where the engine has finished and something is missing. */
  assertWhole(): void {
    if (this.#want.promptLogprobs === null || this.#prompt !== null) return;
    throw new PacelineError("misaligned", "the engine finished without the prompt's logprobs");
  }

  /** Only the first `tokens` rows stay. */
  truncate(tokens: number): void {
    const kept = firstRows(this.#rows.rows, tokens);
    const copy = new SideBuffer(this.#want);
    copy.append(kept);
    this.#rows = copy;
    // They came with all of the attempt's tokens, and no row says which of those is gone.
    this.experts?.discard();
  }

  /** The rollout starts over. */
  clear(): void {
    this.#prompt = null;
    this.#rows.clear();
    this.experts?.discard();
  }

  /** Nobody is told of it: what lies elsewhere goes. */
  withhold(): void {
    this.experts?.discard();
    for (const part of Object.values(this.#data?.stored ?? {})) {
      if (part !== null) this.#place.store?.release(part.ref);
    }
  }

  /** Of a rollout that goes on no more: what of its experts has come, and is not whole, goes. Once. */
  data(): SideData {
    if (this.experts?.whole === null) this.experts.discard();
    const rows = { prompt: this.#prompt, ...this.#rows.rows };
    this.#data = { ...placed(rows, this.#place), experts: this.experts?.whole ?? null };
    return this.#data;
  }
}

/** `null` where nothing is wanted. */
export function sideRecord(
  { want, job, promptTokenIds }: Pick<Rollout, "want" | "job" | "promptTokenIds">,
  { sideStore: store, sideInlineBytes: inlineBytes }: SideSettings,
): SideRecord | null {
  const wanted = sideWanted(want);
  if (wanted === null) return null;
  const place = { job, store, inlineBytes, byRef: want.sideByRef };
  return new SideRecord(wanted, promptTokenIds.length, place);
}
