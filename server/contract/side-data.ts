/**
 * What may come beside ids and logprobs. Rows of output tokens have one entry a token, as logprobs do
 * (I1); absent entries are never filled in. Only what the rollout wants exists.
 */
import { PacelineError } from "./errors.ts";
import type { Want } from "./rollout.ts";
import { assertLogprobs } from "./tokens.ts";

/** What an attempt is asked for beside its tokens. */
export type SideWant = Pick<Want, "promptLogprobs" | "topLogprobs" | "samplingMask">;

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

export interface SideData {
  readonly prompt: PromptLogprobs | null;
}

/** Throws `misaligned` unless there is one finite logprob for each prompt token from `start` on, the first excepted. */
export function assertPromptLogprobs(given: PromptLogprobs, promptTokens: number): void {
  const { start, logprobs } = given;
  if (logprobs.length !== promptTokens - start) {
    throw new PacelineError(
      "misaligned",
      `${promptTokens - start} prompt tokens but ${logprobs.length} logprobs`,
      { details: { tokens: promptTokens - start, logprobs: logprobs.length } },
    );
  }
  if (start > 0) assertLogprobs(logprobs);
  else if (Number.isNaN(logprobs[0])) assertLogprobs(logprobs.subarray(1));
  else throw new PacelineError("misaligned", "a logprob for the prompt's first token");
}

/** What of the rollout's wishes an engine has to give beside tokens; `null` where nothing is. */
export function sideWanted(want: Want): SideWant | null {
  const { promptLogprobs, topLogprobs, samplingMask } = want;
  if (promptLogprobs === null && topLogprobs === 0 && !samplingMask) return null;
  return { promptLogprobs, topLogprobs, samplingMask };
}
