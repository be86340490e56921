/**
 * From logits to a token and its logprob. The steps, in this order (vLLM's), all in double precision and
 * in ascending token id, so that equal logits give equal tokens and logprobs everywhere:
 *
 * 1. `logit_bias` is added; masked are all ids but `allowed_token_ids`, each id that would complete one of `bad_words`, and
 *    below `min_new_tokens` end-of-sequence (unless ignored) and stop ids
 * 2. penalties: repetition over prompt and output (positive logits divided, others multiplied),
 *    then frequency · count and presence over the output                          -> `penalised`
 * 3. temperature                                                                  -> `tempered`
 * 4. `min_p` relative to the most likely token; then `top_k` (ties: lower id first); then the smallest set of
 *    what is left whose share reaches `top_p`; what remains is renormalised       -> `processed`
 *
 * `raw` is the softmax of the model's own logits, before step 1. Temperature 0 is the limit: the greatest
 * logit after step 2 (ties: lowest id) with probability 1, so `tempered` and `processed` are 0.
 */
import { PacelineError } from "../contract/errors.ts";
import type { LogprobMode } from "../contract/rollout.ts";
import type { CoreSampling } from "./core.ts";
import type { TokenCounts } from "./token-counts.ts";

/** The distribution at one output position. Valid until the sampler's next `distribution`. */
export interface Distribution {
  /** Inverse of the cumulative distribution, in ascending token id, at `uniform` in [0, 1). */
  draw(uniform: number): number;
  /** −∞ for a token that the mode's distribution does not contain. */
  logprob(id: number, mode: LogprobMode): number;
  /** The same of many ids: normalised once. */
  logprobs(mode: LogprobMode): (id: number) => number;
  /** The ids that can be drawn, ascending. */
  kept(): Uint32Array;
}

export interface SamplerInput {
  /** The model's; not changed. */
  readonly logits: Float32Array;
  readonly sampling: CoreSampling;
  /** Output tokens so far: the position that is sampled. */
  readonly position: number;
  /** `null` where no penalty is on. */
  readonly counts: TokenCounts | null;
  /** Output tokens so far; looked at only where there are bad words. */
  readonly output: Uint32Array;
}

export interface Sampler {
  /** Throws `invalid_argument` where the masks leave no token. */
  distribution(input: SamplerInput): Distribution;
}

export function createSampler(vocabSize: number, eosTokenIds: readonly number[]): Sampler {
  const penalised = new Float64Array(vocabSize);
  const weights = new Float64Array(vocabSize);
  return {
    distribution(input) {
      const { logits, sampling } = input;
      penalised.set(logits);
      applyBias(penalised, input, eosTokenIds);
      if (input.counts !== null) applyPenalties(penalised, sampling, input.counts);
      const top = argmax(penalised);
      if (penalised[top] === Number.NEGATIVE_INFINITY) throw nothingLeft();
      return sampling.temperature === 0
        ? greedy(logits, penalised, top)
        : tempered(logits, penalised, weights, sampling, penalised[top] as number);
    },
  };
}

function greedy(logits: Float32Array, penalised: Float64Array, top: number): Distribution {
  const logprobs = (mode: LogprobMode): ((id: number) => number) => {
    if (mode === "raw") return logSoftmax(logits);
    if (mode === "penalised") return logSoftmax(penalised);
    return (id) => (id === top ? 0 : Number.NEGATIVE_INFINITY);
  };
  return {
    draw: () => top,
    logprobs,
    logprob: (id, mode) => logprobs(mode)(id),
    kept: () => Uint32Array.of(top),
  };
}

function tempered(
  logits: Float32Array,
  penalised: Float64Array,
  weights: Float64Array,
  sampling: CoreSampling,
  max: number,
): Distribution {
  const { temperature } = sampling;
  let total = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = Math.exp(((penalised[id] as number) - max) / temperature);
    weights[id] = weight;
    total += weight;
  }
  const kept = applyFilters(weights, sampling, total);
  const share = (id: number, of: number): number =>
    ((penalised[id] as number) - max) / temperature - Math.log(of);
  const logprobs = (mode: LogprobMode): ((id: number) => number) => {
    if (mode === "raw") return logSoftmax(logits);
    if (mode === "penalised") return logSoftmax(penalised);
    if (mode === "tempered") return (id) => share(id, total);
    return (id) => (weights[id] === 0 ? Number.NEGATIVE_INFINITY : share(id, kept));
  };
  return {
    draw: (uniform) => invert(weights, uniform * kept),
    logprobs,
    logprob: (id, mode) => logprobs(mode)(id),
    kept: () => positive(weights),
  };
}

function applyBias(
  logits: Float64Array,
  { sampling, position, output }: SamplerInput,
  eosTokenIds: readonly number[],
): void {
  for (const [id, bias] of sampling.logitBias) logits[id] = (logits[id] as number) + bias;
  if (sampling.allowedTokenIds.length > 0) allowOnly(logits, sampling.allowedTokenIds);
  for (const word of sampling.badWords) {
    if (endsWith(output, word)) logits[word.at(-1) as number] = Number.NEGATIVE_INFINITY;
  }
  if (position >= sampling.minNewTokens) return;
  for (const id of sampling.stopTokenIds) logits[id] = Number.NEGATIVE_INFINITY;
  if (sampling.ignoreEos) return;
  for (const id of eosTokenIds) logits[id] = Number.NEGATIVE_INFINITY;
}

function allowOnly(logits: Float64Array, allowed: readonly number[]): void {
  const values = allowed.map((id) => logits[id] as number);
  logits.fill(Number.NEGATIVE_INFINITY);
  for (const [index, id] of allowed.entries()) logits[id] = values[index] as number;
}

/** Whether `output` ends with all of `word` but its last. */
function endsWith(output: Uint32Array, word: readonly number[]): boolean {
  const from = output.length - (word.length - 1);
  if (from < 0) return false;
  for (let i = 0; i + 1 < word.length; i++) if (output[from + i] !== word[i]) return false;
  return true;
}

const nothingLeft = (): PacelineError =>
  new PacelineError(
    "invalid_argument",
    "allowed_token_ids, bad_words and min_new_tokens together leave no token to sample",
    { details: { path: "sampling.bad_words" } },
  );

function applyPenalties(logits: Float64Array, sampling: CoreSampling, counts: TokenCounts): void {
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = sampling;
  for (let id = 0; id < logits.length; id++) {
    if (counts.seen[id] === 0) continue;
    const logit = logits[id] as number;
    const times = counts.output[id] as number;
    const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    logits[id] = repeated - frequencyPenalty * times - (times > 0 ? presencePenalty : 0);
  }
}

/** Sets the weights of what is filtered out to 0; answers the sum of the others. */
function applyFilters(weights: Float64Array, sampling: CoreSampling, total: number): number {
  const { topK, topP, minP } = sampling;
  const limitK = topK > 0 && topK < weights.length;
  if (!limitK && topP >= 1 && minP <= 0) return total;
  if (minP > 0) {
    // The greatest weight is e^0.
    for (let id = 0; id < weights.length; id++) if ((weights[id] as number) < minP) weights[id] = 0;
  }
  if (limitK || topP < 1) {
    const ranked = rank(weights);
    const count = limitK ? Math.min(topK, ranked.length) : ranked.length;
    const end = topP < 1 ? reach(weights, ranked, count, topP) : count;
    for (const id of ranked.subarray(end)) weights[id] = 0;
  }
  let kept = 0;
  for (const weight of weights) kept += weight;
  return kept;
}

/** Ids of positive weight, heaviest first, equals by id. */
const rank = (weights: Float64Array): Uint32Array =>
  positive(weights).sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);

/** Ids of positive weight, ascending. */
function positive(weights: Float64Array): Uint32Array {
  const ids = new Uint32Array(weights.length);
  let count = 0;
  for (let id = 0; id < weights.length; id++) if ((weights[id] as number) > 0) ids[count++] = id;
  return ids.subarray(0, count);
}

/** How many of the first `count` ranked ids it takes for their sum to reach `share` of all of them; at least 1. */
function reach(weights: Float64Array, ranked: Uint32Array, count: number, share: number): number {
  let total = 0;
  for (const id of ranked.subarray(0, count)) total += weights[id] as number;
  let sum = 0;
  for (let end = 0; end < count; end++) {
    sum += weights[ranked[end] as number] as number;
    if (sum >= share * total) return end + 1;
  }
  return count;
}

function invert(weights: Float64Array, target: number): number {
  let sum = 0;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number;
    if (weight === 0) continue;
    sum += weight;
    if (sum > target) return id;
    last = id;
  }
  // `target` was rounded up to the whole sum.
  return last;
}

function argmax(values: Float64Array): number {
  let top = 0;
  for (let id = 1; id < values.length; id++) {
    if ((values[id] as number) > (values[top] as number)) top = id;
  }
  return top;
}

/** In double precision. */
export function logSoftmax(values: Float32Array | Float64Array): (id: number) => number {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > max) max = value;
  let total = 0;
  for (const value of values) total += Math.exp(value - max);
  const log = Math.log(total);
  return (id) => (values[id] as number) - max - log;
}
