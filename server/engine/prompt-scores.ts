/** The logprobs of a prompt's own tokens while its prefill is under way. */
import type { CoreRequest } from "./core.ts";
import { logSoftmax } from "./sampler.ts";

export class PromptScores {
  readonly start: number;
  /** One entry a prompt token from `start`; NaN for the prompt's first. */
  readonly logprobs: Float32Array;
  /** Logits of positions `[from, to)` are needed: each is the distribution of the token behind it. */
  readonly from: number;
  readonly to: number;

  constructor(start: number, promptTokens: number) {
    this.start = start;
    this.logprobs = new Float32Array(promptTokens - start).fill(Number.NaN);
    this.from = Math.max(start, 1) - 1;
    this.to = promptTokens - 1;
  }

  needs(position: number): boolean {
    return position >= this.from && position < this.to;
  }

  /** How many of `count` positions from `position` on may be fed if at most `rows` logits can be computed. */
  within(position: number, count: number, rows: number): number {
    const first = Math.max(position, this.from);
    const needed = Math.min(position + count, this.to) - first;
    return needed > rows ? first + rows - position : count;
  }

  /** How many of `count` positions from `position` on need logits. */
  rows(position: number, count: number): number {
    return Math.max(0, Math.min(position + count, this.to) - Math.max(position, this.from));
  }

  /** `logits` are those of `position`; `next` is the prompt's token behind it. */
  take(position: number, logits: Float32Array, next: number): void {
    this.logprobs[position + 1 - this.start] = logSoftmax(logits)(next);
  }
}

/** `null` where the request wants none. */
export function promptScores({ side, promptTokenIds }: CoreRequest): PromptScores | null {
  const wanted = side?.promptLogprobs ?? null;
  return wanted === null ? null : new PromptScores(wanted.start, promptTokenIds.length);
}
