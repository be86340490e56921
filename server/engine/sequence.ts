/** One request inside the core: its tokens, how much of its KV exists, and where. */
import type { CoreRequest } from "./core.ts";
import { BLOCK_TOKENS } from "./kernels/kernels.ts";
import { type KvBlocks, rootChain } from "./kv-blocks.ts";
import { type PromptScores, promptScores } from "./prompt-scores.ts";
import { countOutput, createTokenCounts, type TokenCounts } from "./token-counts.ts";

export class Sequence {
  readonly request: CoreRequest;
  /** Order of arrival; among equals in priority the older is served first and preempted last. */
  readonly arrival: number;
  readonly counts: TokenCounts | null;
  readonly blocks: number[] = [];
  /** Positions whose KV is in `blocks`. */
  computed = 0;
  /** Whether a token was sampled on top of this KV: prefill is over. */
  decoding = false;
  /** Some KV is of older weights: nothing of it may be found outside a carried namespace. */
  mixed = false;
  started = false;
  /** What is still to be told of the prompt itself; `null` once it is told, or where nobody wants it. */
  scores: PromptScores | null;
  cachedTokens = 0;
  /** Ids in its sampling mask so far. */
  maskIds = 0;
  #tokens: Uint32Array;
  #length: number;
  #sealedBlocks = 0;
  /** Another has sealed other KV under the same tokens. */
  #unsealable = false;
  #chain: string;

  constructor(request: CoreRequest, arrival: number, vocabSize: number) {
    const { promptTokenIds: prompt, outputTokenIds: output } = request;
    this.request = request;
    this.arrival = arrival;
    this.scores = promptScores(request);
    this.counts = createTokenCounts(request.sampling, vocabSize, prompt, output);
    this.#tokens = new Uint32Array(prompt.length + output.length + BLOCK_TOKENS);
    this.#tokens.set(prompt);
    this.#tokens.set(output, prompt.length);
    this.#length = prompt.length + output.length;
    this.#chain = rootChain(request.cacheNamespace);
  }

  /** Tokens of prompt and output. */
  get length(): number {
    return this.#length;
  }

  get outputLength(): number {
    return this.#length - this.request.promptTokenIds.length;
  }

  /** Tokens that must be fed before the next one can be sampled; at least 1. */
  get remaining(): number {
    return this.#length - this.computed;
  }

  token(position: number): number {
    return this.#tokens[position] as number;
  }

  /** A view, valid until the next `append`. */
  get output(): Uint32Array {
    return this.#tokens.subarray(this.request.promptTokenIds.length, this.#length);
  }

  append(id: number): void {
    if (this.#length === this.#tokens.length) {
      const grown = new Uint32Array(this.#length * 2);
      grown.set(this.#tokens);
      this.#tokens = grown;
    }
    this.#tokens[this.#length++] = id;
    if (this.counts !== null) countOutput(this.counts, id);
  }

  /** Takes over sealed blocks of its prefix; what logits are needed of is always left to compute. */
  findPrefix(kv: KvBlocks): void {
    const most = Math.min(this.#length - 1, this.scores?.from ?? this.#length);
    while ((this.blocks.length + 1) * BLOCK_TOKENS <= most) {
      const found = kv.find(this.#chain, this.#blockTokens(this.blocks.length));
      if (found === null) break;
      this.blocks.push(found.block);
      this.mixed ||= found.older;
      this.#chain = found.chain;
    }
    this.#sealedBlocks = this.blocks.length;
    this.computed = this.blocks.length * BLOCK_TOKENS;
    this.cachedTokens = this.computed;
  }

  /** Blocks still to be taken before `length` positions fit. */
  get missingBlocks(): number {
    return Math.ceil(this.#length / BLOCK_TOKENS) - this.blocks.length;
  }

  /** Seals the blocks that are full once `computed` positions are; call it when nothing can stop the batch. */
  seal(kv: KvBlocks, computed: number): void {
    const { cacheNamespace, cacheCarried } = this.request;
    if (this.#unsealable || (this.mixed && !cacheCarried)) return;
    for (; (this.#sealedBlocks + 1) * BLOCK_TOKENS <= computed; this.#sealedBlocks++) {
      const index = this.#sealedBlocks;
      const block = this.blocks[index] as number;
      const kind = { mixed: this.mixed, carried: cacheCarried ? cacheNamespace : null };
      const made = kv.seal(this.#chain, this.#blockTokens(index), block, kind);
      this.#unsealable = made === null;
      if (made === null) return;
      this.blocks[index] = made.block;
      this.#chain = made.chain;
    }
  }

  /** Gives all KV back; everything is computed again, under whatever weights serve then. */
  reset(kv: KvBlocks): void {
    kv.release(this.blocks);
    this.blocks.length = 0;
    this.computed = 0;
    this.decoding = false;
    this.mixed = false;
    this.#sealedBlocks = 0;
    this.#unsealable = false;
    this.#chain = rootChain(this.request.cacheNamespace);
  }

  #blockTokens(index: number): Uint32Array {
    return this.#tokens.subarray(index * BLOCK_TOKENS, (index + 1) * BLOCK_TOKENS);
  }
}

/** Served first: lower priority value, then older. */
export function compareSequences(a: Sequence, b: Sequence): number {
  return a.request.priority - b.request.priority || a.arrival - b.arrival;
}
