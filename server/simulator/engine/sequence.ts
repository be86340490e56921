/** One request as an engine sees it: lengths and hashes of its blocks, never tokens. */
import type { Block } from "./kv-book.ts";

export interface SequenceWish {
  /** Order of arrival: who gives way where KV runs out. */
  readonly order: number;
  /** Lower comes first. */
  readonly priority: number;
  /** Number of the rollout: what an earlier attempt left of its context is found by it. */
  readonly owner: number;
  readonly promptTokens: number;
  /** Made by earlier attempts: prefilled with the prompt. */
  readonly outputTokens: number;
  readonly prefix: readonly number[];
  /** LoRA adapter that it needs; null: none. */
  readonly adapter: string | null;
  /** Output at which the batch stops and tells. */
  readonly stopAt: number;
  /** Context from which on all is computed, whatever is cached: its logits are asked for. Default: none of it. */
  readonly wanted?: number;
}

export class Sequence {
  readonly order: number;
  readonly priority: number;
  readonly owner: number;
  readonly promptTokens: number;
  readonly prefix: readonly number[];
  readonly adapter: string | null;
  /** While it does not decode; `Batch.outputOf` tells it always. */
  outputTokens: number;
  stopAt: number;
  wanted: number;
  /** Found cached since it was let in; and whether some of that was its own, beyond what it shares. */
  cachedTokens = 0;
  tail = false;
  /** Tokens whose KV exists, before it decodes. */
  computed = 0;
  /** Computed before, here or elsewhere: what is prefilled again. */
  known: number;
  /** Blocks of the prefix that it shares. */
  readonly blocks: Block[] = [];
  state: "waiting" | "loading" | "prefilling" | "decoding" | "gone" = "waiting";
  /** While it loads: when its KV is here, seconds. */
  readyAt = 0;
  /** Decode steps of its batch when its output was 0. */
  offset = 0;
  /** Owned by the batch's heap. */
  heapIndex = -1;

  constructor(wish: SequenceWish) {
    this.order = wish.order;
    this.priority = wish.priority;
    this.owner = wish.owner;
    this.promptTokens = wish.promptTokens;
    this.outputTokens = wish.outputTokens;
    this.prefix = wish.prefix;
    this.adapter = wish.adapter;
    this.stopAt = wish.stopAt;
    this.wanted = wish.wanted ?? Number.POSITIVE_INFINITY;
    this.known = wish.outputTokens === 0 ? 0 : wish.promptTokens + wish.outputTokens;
  }

  /** Not while it decodes. */
  get contextTokens(): number {
    return this.promptTokens + this.outputTokens;
  }

  get missing(): number {
    return this.contextTokens - this.computed;
  }
}
