/** What an engine is to the model: sizes and rates. The one cost of a step that simulated time and sockets share. */
export interface EngineShape {
  readonly kvTokens: number;
  readonly maxRunning: number;
  /** Decode step time `a + s·batch`, seconds. */
  readonly step: { readonly a: number; readonly s: number };
  /** Infinity: prefill takes no time. */
  readonly prefillTokensPerSecond: number;
  /** Prompt tokens that one step computes at most, beside its decodes. */
  readonly prefillChunk: number;
}

/** A step that decodes `batch` sequences and computes `prefilled` prompt tokens beside them. */
export const stepSeconds = (
  { step, prefillTokensPerSecond }: Pick<EngineShape, "step" | "prefillTokensPerSecond">,
  batch: number,
  prefilled: number,
): number => step.a + step.s * batch + prefilled / prefillTokensPerSecond;
