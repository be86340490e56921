/**
 * An engine's KV, counted in tokens: what running sequences hold (shared prefix blocks once), and what is cached of
 * nobody who runs, least recently used first out. Sharing goes by blocks of the card's prefix; beyond it a context is
 * its rollout's own tail, found again by a later attempt only. Engines' smaller blocks would round 20,000 tokens up by
 * 8, so the rest is counted to the token.
 */
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";
import { type Directory, HostTier, type TierRates } from "./host-tier.ts";
import type { Sequence } from "./sequence.ts";

export interface KvBookParts {
  readonly tiers: TierRates | null;
  readonly pool: Directory | null;
  readonly changed: CacheChange;
  /** Of the blocks that sequences' prefixes name; default a card's. */
  readonly blockTokens: number;
}

export interface Block {
  readonly hash: number;
  refs: number;
  /** Found by lookups; false once the cache was cleared under those that use it. */
  listed: boolean;
}

/** Blocks that a lookup finds from now on, or no more. */
export type CacheChange = (kind: "stored" | "removed" | "cleared", hash: number) => void;

/** Idle tails stand beside idle blocks, whose hashes are not negative. */
const tailKey = (owner: number): number => -1 - owner;

export class KvBook {
  readonly capacity: number;
  readonly blockTokens: number;
  readonly #blocks = new Map<number, Block>();
  /** Idle tokens by block or tail; insertion order is order of use. */
  readonly #idle = new Map<number, number>();
  readonly #host: HostTier | null;
  readonly #changed: CacheChange;
  #held = 0;
  #idleTokens = 0;

  constructor(capacity: number, parts: Partial<KvBookParts> = {}) {
    const {
      tiers = null,
      pool = null,
      changed = () => {},
      blockTokens = PREFIX_BLOCK_TOKENS,
    } = parts;
    this.capacity = capacity;
    this.blockTokens = blockTokens;
    this.#changed = changed;
    const evicted = (key: number): void => {
      if (key >= 0 && !this.#blocks.has(key)) changed("removed", key);
    };
    this.#host = tiers === null ? null : new HostTier(tiers, pool, evicted);
  }

  get peakHostTokens(): number {
    return this.#host?.peakTokens ?? 0;
  }

  /** Tokens of those that run. */
  get held(): number {
    return this.#held;
  }

  /** Cached tokens that nobody who runs holds. */
  get idle(): number {
    return this.#idleTokens;
  }

  /** Whether a lookup finds this block. */
  lists(hash: number): boolean {
    return this.#blocks.has(hash);
  }

  /** Tokens that it would take to let it run. */
  need({ prefix, contextTokens }: Sequence): number {
    let need = contextTokens;
    for (const hash of prefix) {
      const block = this.#blocks.get(hash);
      if (block === undefined || need <= this.blockTokens) break;
      if (block.refs > 0) need -= this.blockTokens;
    }
    return need;
  }

  /** Room for its whole context; `computed` is what is cached of it. Answers the seconds until all of that is here. */
  take(sequence: Sequence): number {
    const shared = this.#match(sequence);
    this.#held += sequence.contextTokens - shared;
    const { cached, seconds } = this.#fetch(sequence, shared);
    // The last token is always computed: its logits give the next.
    sequence.computed = Math.max(0, Math.min(cached, sequence.contextTokens - 1, sequence.wanted));
    sequence.cachedTokens = sequence.computed;
    sequence.tail = cached > sequence.blocks.length * this.blockTokens;
    this.#evict();
    return seconds;
  }

  /** As it comes to its turn: a sibling that was ahead may have computed the prefix meanwhile. */
  lookAgain(sequence: Sequence): void {
    const { blocks, prefix, contextTokens, computed, wanted } = sequence;
    if (blocks.length === prefix.length) return;
    const more = this.#match(sequence);
    this.#held -= more;
    const shared = Math.min(blocks.length * this.blockTokens, contextTokens - 1, wanted);
    sequence.computed = Math.max(computed, shared);
    sequence.cachedTokens += sequence.computed - computed;
  }

  /** Its context is computed: the prefix can be shared from here on. */
  share({ prefix, blocks }: Sequence): void {
    for (let i = blocks.length; i < prefix.length; i++) {
      const hash = prefix[i] as number;
      // Computed side by side with another: its own copy stays its own.
      if (this.#blocks.has(hash)) return;
      const block = { hash, refs: 1, listed: true };
      this.#list(block);
      blocks.push(block);
    }
  }

  grow(tokens: number): void {
    this.#held += tokens;
    this.#evict();
  }

  /**
   * It runs no more; what it computed stays as cache while there is room. `leaves`: it is finished, and these are the
   * blocks of its context that a later turn will ask for. An engine cannot know that nobody asks for the rest; a tier can.
   */
  release(sequence: Sequence, leaves?: readonly number[]): void {
    const { blocks, owner, computed, contextTokens } = sequence;
    const shared = blocks.length * this.blockTokens;
    this.#held -= contextTokens - shared;
    // Oldest first out: a chain goes from its end.
    const kept = Math.max(0, computed - shared);
    const more =
      leaves?.slice(blocks.length, blocks.length + Math.floor(kept / this.blockTokens)) ?? [];
    const tail = kept - more.length * this.blockTokens;
    const key = tailKey(owner);
    if (tail > 0) this.#keep(key, tail);
    if (leaves !== undefined) this.#host?.forget(key);
    else if (tail > 0) this.#host?.keep(key, tail);
    for (const hash of more.toReversed()) this.#leave(hash);
    for (const block of blocks.toReversed()) this.#unref(block);
    blocks.length = 0;
    this.#evict();
  }

  /** Nothing that was computed so far is found any more; who runs keeps what it holds. */
  clear(): void {
    for (const block of this.#blocks.values()) block.listed = false;
    this.#blocks.clear();
    this.#idle.clear();
    this.#idleTokens = 0;
    this.#host?.clear();
    this.#changed("cleared", 0);
  }

  /** This block is found no more; who runs keeps what it holds. */
  drop(hash: number): void {
    const block = this.#blocks.get(hash);
    if (block === undefined) return;
    block.listed = false;
    this.#blocks.delete(hash);
    this.#forget(hash);
    this.#changed("removed", hash);
  }

  /** What whoever was put out left of its context, its blocks apart, is found no more. */
  dropTails(): void {
    for (const key of [...this.#idle.keys()]) if (key < 0) this.#forget(key);
  }

  /** What lies beyond the shared blocks: the rest of the prefix in a tier, then its own tail, here or there. */
  #fetch({ prefix, blocks, owner }: Sequence, shared: number): { cached: number; seconds: number } {
    let cached = shared;
    let seconds = 0;
    for (let i = blocks.length; i < prefix.length; i++) {
      const found = this.#host?.find(prefix[i] as number) ?? null;
      if (found === null) return { cached, seconds };
      cached += found.tokens;
      seconds += found.tokens / found.tokensPerSecond;
    }
    const key = tailKey(owner);
    const here = this.#forget(key);
    const found = this.#host?.find(key) ?? null;
    if (found === null || found.tokens <= here) return { cached: cached + here, seconds };
    seconds += (found.tokens - here) / found.tokensPerSecond;
    return { cached: cached + found.tokens, seconds };
  }

  #list(block: Block): void {
    this.#blocks.set(block.hash, block);
    if (this.#host?.has(block.hash) !== true) this.#changed("stored", block.hash);
  }

  /** Takes part in the blocks that are there beyond those it has; answers their tokens. */
  #match({ prefix, blocks, contextTokens }: Sequence): number {
    const before = blocks.length;
    const most = Math.min(prefix.length, Math.floor(contextTokens / this.blockTokens));
    for (let i = before; i < most; i++) {
      const block = this.#blocks.get(prefix[i] as number);
      if (block === undefined) break;
      if (block.refs++ === 0) this.#held += this.#forget(block.hash);
      blocks.push(block);
    }
    return (blocks.length - before) * this.blockTokens;
  }

  #leave(hash: number): void {
    const known = this.#blocks.get(hash);
    if (known === undefined) this.#list({ hash, refs: 0, listed: true });
    else if (known.refs > 0) return;
    else this.#forget(hash);
    this.#rest(hash);
  }

  #rest(hash: number): void {
    this.#keep(hash, this.blockTokens);
    this.#host?.keep(hash, this.blockTokens);
  }

  #unref(block: Block): void {
    block.refs--;
    if (block.refs > 0) return;
    this.#held -= this.blockTokens;
    if (block.listed) this.#rest(block.hash);
  }

  #keep(key: number, tokens: number): void {
    this.#idleTokens += tokens - (this.#idle.get(key) ?? 0);
    this.#idle.delete(key);
    this.#idle.set(key, tokens);
  }

  #forget(key: number): number {
    const tokens = this.#idle.get(key) ?? 0;
    this.#idle.delete(key);
    this.#idleTokens -= tokens;
    return tokens;
  }

  #evict(): void {
    let over = this.#held + this.#idleTokens - this.capacity;
    for (const [key, tokens] of this.#idle) {
      if (over <= 0) return;
      // A tail goes from its end, token by token; a block as a whole.
      if (key < 0 && tokens > over) {
        this.#idle.set(key, tokens - over);
        this.#idleTokens -= over;
        return;
      }
      this.#forget(key);
      over -= tokens;
      if (key < 0) continue;
      this.#blocks.delete(key);
      if (this.#host?.has(key) !== true) this.#changed("removed", key);
    }
  }
}
