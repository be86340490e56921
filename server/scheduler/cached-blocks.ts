/**
 * Which prefix blocks each slot's engine says it has (`cache` events). Each slot's own set is exact, but for the events'
 * delay; the other way, from a block to its slots, only the latest few are kept: enough to find candidates.
 */
import { PREFIX_BLOCK_TOKENS } from "./card.ts";
import type { SchedulerEvent } from "./events.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Slot } from "./slots.ts";

export type CacheEvent = Extract<SchedulerEvent, { type: "cache" }>;

/** What one slot has. Hashes as i32: V8 keeps these without a box. */
export interface Cached {
  readonly life: number;
  readonly blocks: Set<number>;
}

export class CachedBlocks {
  /** Latest first. */
  readonly #holders = new Map<number, Slot[]>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** No engine tells of anything. */
  get empty(): boolean {
    return this.#holders.size === 0;
  }

  /** Slots that have this block, the latest few. */
  holders(hash: number): readonly Slot[] {
    return this.#holders.get(hash | 0) ?? NONE;
  }

  apply(slot: Slot, { life, kind, blocks }: CacheEvent): void {
    if (!Number.isSafeInteger(life) || life < (slot.cached?.life ?? 0)) return;
    if (slot.cached === null || life > slot.cached.life || kind === "cleared") {
      this.forget(slot);
      slot.cached = { life, blocks: new Set() };
    }
    for (const hash of blocks) {
      if (kind === "removed") this.#remove(slot, hash | 0);
      else if (kind === "stored") this.#store(slot, hash | 0);
    }
  }

  /** Nothing is known of the slot's cache any more. */
  forget(slot: Slot): void {
    for (const hash of slot.cached?.blocks ?? []) this.#unlist(slot, hash);
    slot.cached = null;
  }

  #store(slot: Slot, hash: number): void {
    const cached = slot.cached as Cached;
    if (cached.blocks.has(hash)) return;
    // More than fit: it has dropped some without a word. What comes from here on is right again.
    if (cached.blocks.size >= this.#most(slot)) {
      this.forget(slot);
      slot.cached = { life: cached.life, blocks: new Set() };
    }
    slot.cached?.blocks.add(hash);
    const holders = this.#holders.get(hash);
    if (holders === undefined) this.#holders.set(hash, [slot]);
    else {
      if (holders.length === this.#options.blockHolders) holders.pop();
      holders.unshift(slot);
    }
  }

  #remove(slot: Slot, hash: number): void {
    if (slot.cached?.blocks.delete(hash)) this.#unlist(slot, hash);
  }

  #unlist(slot: Slot, hash: number): void {
    const holders = this.#holders.get(hash);
    const at = holders?.indexOf(slot) ?? -1;
    if (holders === undefined || at < 0) return;
    if (holders.length === 1) this.#holders.delete(hash);
    else holders.splice(at, 1);
  }

  #most({ kvTokens, worker }: Slot): number {
    const tokens = kvTokens + (worker.view.tiers?.hostTokens ?? 0);
    return Math.min(this.#options.cachedBlocks, Math.ceil(tokens / PREFIX_BLOCK_TOKENS) + 1);
  }
}

const NONE: readonly Slot[] = [];

/**
 * Blocks at the head of a prompt that the slot has. Engines drop a chain from its end, so that what has a block has all
 * before it: found by halving.
 */
export function cachedDepth({ blocks }: Cached, prefix: readonly number[]): number {
  let [low, high] = [0, prefix.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (blocks.has((prefix[middle - 1] as number) | 0)) low = middle;
    else high = middle - 1;
  }
  return low;
}
