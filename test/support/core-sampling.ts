/** The engine core's sampling for a rollout body of a test, to regenerate what a server made of it. */
import type { CoreSampling } from "../../server/engine/core.ts";

export interface SampledBody {
  readonly sampling: {
    readonly max_new_tokens: number;
    readonly seed: number;
    readonly [name: string]: unknown;
  };
}

export function samplingOf({ sampling }: SampledBody): CoreSampling {
  const number = (name: string, fallback: number): number =>
    (sampling[name] as number | undefined) ?? fallback;
  return {
    maxNewTokens: sampling.max_new_tokens,
    minNewTokens: 0,
    temperature: number("temperature", 1),
    topP: number("top_p", 1),
    topK: number("top_k", 0),
    minP: 0,
    presencePenalty: number("presence_penalty", 0),
    frequencyPenalty: 0,
    repetitionPenalty: number("repetition_penalty", 1),
    stopTokenIds: [],
    ignoreEos: sampling["ignore_eos"] === true,
    seed: sampling.seed,
    logitBias: [],
    allowedTokenIds: [],
    badWords: [],
  };
}
