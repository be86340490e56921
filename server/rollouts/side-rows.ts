/**
 * A rollout's side data while it grows: kept over all its attempts, so that what a lost worker told is
 * never computed again.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Want } from "../contract/rollout.ts";
import {
  assertPromptLogprobs,
  type PromptLogprobs,
  type SideData,
  type SideWant,
  sideWanted,
} from "../contract/side-data.ts";

export class SideRows {
  readonly #want: SideWant;
  readonly #promptTokens: number;
  #prompt: PromptLogprobs | null = null;

  constructor(want: SideWant, promptTokens: number) {
    this.#want = want;
    this.#promptTokens = promptTokens;
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

  /** Throws `misaligned` where the engine has finished and something is missing. */
  assertWhole(): void {
    if (this.#want.promptLogprobs === null || this.#prompt !== null) return;
    throw new PacelineError("misaligned", "the engine finished without the prompt's logprobs");
  }

  /** The rollout starts over. */
  clear(): void {
    this.#prompt = null;
  }

  data(): SideData {
    return { prompt: this.#prompt };
  }
}

/** `null` where nothing is wanted. */
export function sideRows(want: Want, promptTokens: number): SideRows | null {
  const wanted = sideWanted(want);
  return wanted === null ? null : new SideRows(wanted, promptTokens);
}
