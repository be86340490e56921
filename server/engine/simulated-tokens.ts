/**
 * The tokens of an engine without a model: a pure function of (prompt, seed, sibling, output position,
 * weights' digest). So a rollout continued elsewhere makes the same tokens, a swap shows in every
 * token after it, and a test can recompute what any token should have been. Greedy leaves out seed
 * and sibling. Tokens do not depend on those before them.
 */
import type { SideChunk, SideWant } from "../contract/side-data.ts";
import type { CoreSampling } from "./core.ts";

export interface SimulatedVocabulary {
  readonly vocabSize: number;
  readonly eosTokenId: number;
  /** Chance that a token is EOS. Default 0: only limits and stop ids end a rollout. */
  readonly eosRate: number;
  /** Where set, EOS comes at a log-normal length drawn per (prompt, seed, sibling), not per version. */
  readonly length: { readonly median: number; readonly sigma: number } | null;
}

export interface SimulatedToken {
  readonly id: number;
  readonly logprob: number;
}

/** A bias this large decides by itself; smaller ones have no distribution to act on here. */
const DECISIVE_BIAS = 50;

export interface SimulatedStream {
  at(position: number, digestHash: number): SimulatedToken;
}

export function hashTokens(ids: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < ids.length; i++) hash = mix(hash, ids[i] as number);
  return hash;
}

export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return hash;
}

/** The tokens of one rollout. */
export function simulatedStream(
  vocabulary: SimulatedVocabulary,
  promptHash: number,
  sampling: CoreSampling,
  siblingIndex: number,
): SimulatedStream {
  const { vocabSize, eosTokenId, eosRate } = vocabulary;
  const { seed, minNewTokens, ignoreEos, temperature } = sampling;
  let key = promptHash;
  if (temperature > 0) {
    key = mix(mix(mix(key, seed >>> 0), Math.floor(seed / 2 ** 32)), siblingIndex);
  }
  const end = lengthOf(vocabulary, key);
  const banned = new Set([eosTokenId]);
  let forced: number | null = null;
  for (const [id, bias] of sampling.logitBias) {
    if (bias <= -DECISIVE_BIAS) banned.add(id);
    else if (bias >= DECISIVE_BIAS) forced = id;
  }
  // Without a history to look at, a bad word's last token is banned wherever it stands.
  for (const word of sampling.badWords) banned.add(word.at(-1) as number);
  const allowed = sampling.allowedTokenIds;
  const pick = (hash: number): number =>
    allowed.length === 0 ? hash % vocabSize : (allowed[hash % allowed.length] as number);
  const early = new Set([...banned, ...sampling.stopTokenIds]);
  const mayEnd = !ignoreEos && (allowed.length === 0 || allowed.includes(eosTokenId));

  return {
    at(position, digestHash) {
      const hash = mix(mix(key, digestHash), position);
      const logprob = simulatedLogprob(hash);
      const mayStop = position >= minNewTokens;
      if (mayStop && mayEnd) {
        if (end !== null && position + 1 >= end) return { id: eosTokenId, logprob };
        if (mix(hash, 2) < eosRate * 2 ** 32) return { id: eosTokenId, logprob };
      }
      if (forced !== null && (mayStop || !early.has(forced))) return { id: forced, logprob };
      const shunned = mayStop ? banned : early;
      let id = pick(hash);
      // As a masked distribution would: what may not be sampled is drawn again.
      for (let salt = 3; shunned.has(id) && salt < 67; salt++) id = pick(mix(hash, salt));
      return { id, logprob };
    },
  };
}

/**
 * Side data of one token: the token and the ids behind it, round the vocabulary's end. Each alternative is
 * a little less likely than the one before; the mask holds `top_k` of them, else eight.
 */
export function simulatedRow(
  { id, logprob }: SimulatedToken,
  { topLogprobs, samplingMask }: SideWant,
  { topK, temperature }: CoreSampling,
  vocabSize: number,
): SideChunk {
  const behind = (count: number): Uint32Array =>
    Uint32Array.from({ length: Math.min(count, vocabSize) }, (_, i) => (id + i) % vocabSize);
  const top = behind(topLogprobs);
  const ids = behind(temperature === 0 ? 1 : topK > 0 ? topK : 8).sort();
  return {
    top:
      topLogprobs === 0
        ? null
        : {
            offsets: Uint32Array.of(0, top.length),
            ids: top,
            logprobs: Float32Array.from(top, (_, i) => logprob - i / 8),
          },
    mask: samplingMask ? { offsets: Uint32Array.of(0, ids.length), ids } : null,
  };
}

/** A prompt's own logprobs: each a function of the tokens up to it and the weights; NaN for the first. */
export function simulatedPromptLogprobs(prompt: Uint32Array, digestHash: number): Float32Array {
  const logprobs = new Float32Array(prompt.length).fill(Number.NaN);
  let hash = mix(digestHash, prompt[0] as number);
  for (let at = 1; at < prompt.length; at++) {
    hash = mix(hash, prompt[at] as number);
    logprobs[at] = simulatedLogprob(hash);
  }
  return logprobs;
}

/** In (−4.001, −0.001]. */
const simulatedLogprob = (hash: number): number =>
  Math.fround(-((mix(hash, 1) >>> 8) / 2 ** 24) * 4 - 1e-3);

function lengthOf(vocabulary: SimulatedVocabulary, key: number): number | null {
  if (vocabulary.length === null) return null;
  const { median, sigma } = vocabulary.length;
  // Box-Muller; the first uniform is kept off 0.
  const u = (mix(key, 101) + 1) / (2 ** 32 + 1);
  const v = mix(key, 102) / 2 ** 32;
  const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  return Math.max(1, Math.round(median * Math.exp(sigma * normal)));
}

/** One round of a 32-bit mixing hash: chained, every input bit reaches every output bit. */
function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return (h + 0x9e3779b9) >>> 0;
}
