/**
 * Which prompts a slot was given, as the routers that guess caches remember it: blocks of its prompts, least recently used
 * forgotten beyond the limit. Where a prompt is shorter than a block, a group counts as one.
 */
import { type Card, PREFIX_BLOCK_TOKENS } from "../card.ts";
import type { Place } from "./books.ts";

type Block = number | string;

interface Memory {
  life: number;
  readonly blocks: Set<Block>;
}

export class PromptMemory {
  readonly #slots = new WeakMap<Place, Memory>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Tokens of the prompt's beginning that the slot was given before. */
  matched(card: Card, place: Place): number {
    const { blocks } = this.#memory(place);
    const { prefix, promptTokens } = card;
    let count = 0;
    for (const block of blocksOf(card)) {
      if (!blocks.has(block)) break;
      count++;
    }
    if (prefix.length === 0) return count > 0 ? promptTokens : 0;
    return Math.min(promptTokens, count * PREFIX_BLOCK_TOKENS);
  }

  /** Blocks that are remembered of the slot. */
  size(place: Place): number {
    return this.#memory(place).blocks.size;
  }

  add(card: Card, place: Place): void {
    const { blocks } = this.#memory(place);
    for (const block of blocksOf(card)) {
      blocks.delete(block);
      blocks.add(block);
    }
    for (const oldest of blocks) {
      if (blocks.size <= this.#limit) return;
      blocks.delete(oldest);
    }
  }

  #memory(place: Place): Memory {
    let memory = this.#slots.get(place);
    if (memory?.life !== place.cacheLife) {
      memory = { life: place.cacheLife, blocks: new Set() };
      this.#slots.set(place, memory);
    }
    return memory;
  }
}

function blocksOf({ prefix, group, job, policy }: Card): readonly Block[] {
  if (prefix.length > 0) return prefix;
  return group === null ? [] : [`${policy} ${job}/${group.id}`];
}
