/**
 * Tokens inside Paceline: ids and logprobs as typed arrays of equal length (I1). `number[]` exists
 * only in codecs. The pair is checked when it is made and again before it is encoded.
 */
import { PacelineError } from "./errors.ts";

/** Engines floor what they cannot represent here (vLLM's `-9999.0`): never a real logprob. */
const LOGPROB_FLOOR = -9999;

/** Consecutive output tokens with the logprobs of the distribution that sampled them. */
export interface TokenRun {
  /** Output position of the first token. */
  readonly start: number;
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
}

/** A run of tokens made under one policy version; `null` where the engine tells only at the end. */
export interface TokenChunk extends TokenRun {
  readonly version: number | null;
  /**
   * Whether KV of an older version was attended to; `null` where nobody can tell. From mixed
   * back to pure means that the engine computed the whole context again under `version`.
   */
  readonly mixed: boolean | null;
}

/** Throws `misaligned` unless every token has exactly one finite logprob, at most 0 up to rounding. */
export function assertAligned(ids: Uint32Array, logprobs: Float32Array): void {
  if (ids.length !== logprobs.length) {
    throw new PacelineError(
      "misaligned",
      `${ids.length} output tokens but ${logprobs.length} logprobs`,
      { details: { tokens: ids.length, logprobs: logprobs.length } },
    );
  }
  assertLogprobs(logprobs);
}

/** Throws `misaligned` for a value of `logprobs[from, to)` that cannot be a logprob. */
export function assertLogprobs(logprobs: Float32Array, from = 0, to = logprobs.length): void {
  for (let i = from; i < to; i++) {
    const value = logprobs[i] as number;
    // Rounding in an engine's log-softmax can leave a certain token a hair above 0.
    if (!(value > LOGPROB_FLOOR && value < 1e-3)) {
      const position = i - from;
      throw new PacelineError(
        "misaligned",
        `logprob ${value} at output position ${position} of this run`,
        {
          details: { position, logprob: String(value) },
        },
      );
    }
  }
}
