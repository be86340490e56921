/** How often each token occurs, for the penalties; kept only where a request has one. */
import type { CoreSampling } from "./core.ts";

export interface TokenCounts {
  /** 1 for each id of prompt or output. */
  readonly seen: Uint8Array;
  /** Occurrences in the output. */
  readonly output: Uint32Array;
}

export function createTokenCounts(
  sampling: CoreSampling,
  vocabSize: number,
  prompt: Uint32Array,
  output: Uint32Array,
): TokenCounts | null {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  if (repetitionPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) return null;
  const counts = { seen: new Uint8Array(vocabSize), output: new Uint32Array(vocabSize) };
  for (const id of prompt) counts.seen[id] = 1;
  for (const id of output) countOutput(counts, id);
  return counts;
}

export function countOutput(counts: TokenCounts, id: number): void {
  counts.seen[id] = 1;
  counts.output[id] = (counts.output[id] as number) + 1;
}
