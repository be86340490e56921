/**
 * From the names that one slot's engine gives its cached blocks to ours. A stored block tells its tokens and what it hangs
 * on, so our chain hash goes on from its parent's; where a block of `PREFIX_BLOCK_TOKENS` ends inside it, that one is there
 * now. What hangs on something unknown (it was cached before we came) stays unknown: it counts as not cached.
 */
import type { CacheChange } from "../../adapters/engine.ts";
import { LIMITS } from "../limits.ts";
import { PREFIX_BLOCK_TOKENS } from "../scheduler/card.ts";
import { prefixRoot, prefixStep } from "../scheduler/prefix.ts";

type Stored = Extract<CacheChange, { type: "stored" }>;

/** Whose KV a block is; `key` is another for each version. */
export interface BlockOwner {
  readonly policy: string;
  readonly key: string;
}

interface Block {
  readonly owner: string;
  /** Tokens up to its end, and our hash of them. */
  readonly tokens: number;
  readonly hash: number;
  /** Ours that end inside it. */
  readonly ends: readonly number[];
}

export class BlockNames {
  readonly #blocks = new Map<string, Block>();
  /** How many of the engine's blocks end each of ours: one a namespace. */
  readonly #counts = new Map<number, number>();

  /** Ours that are there now and were not before. `owner` null: of nobody whose KV is of use. */
  stored({ hashes, parent, tokenIds, blockSize }: Stored, owner: BlockOwner | null): number[] {
    const fresh: number[] = [];
    if (owner === null) return fresh;
    const before = parent === null ? null : this.#blocks.get(parent);
    if (before === undefined || (before !== null && before.owner !== owner.key)) return fresh;
    let tokens = before?.tokens ?? 0;
    let hash = before?.hash ?? prefixRoot(owner.policy);
    for (const [at, name] of hashes.entries()) {
      const ends: number[] = [];
      for (let i = at * blockSize; i < (at + 1) * blockSize; i++) {
        hash = prefixStep(hash, tokenIds[i] as number);
        if (++tokens % PREFIX_BLOCK_TOKENS === 0) ends.push(hash);
      }
      if (this.#blocks.has(name)) continue;
      if (this.#blocks.size >= LIMITS.kvBlockNames) return fresh;
      this.#blocks.set(name, { owner: owner.key, tokens, hash, ends });
      for (const end of ends) if (this.#count(end, 1) === 1) fresh.push(end);
    }
    return fresh;
  }

  /** Ours that are there no more. */
  removed(names: readonly string[]): number[] {
    const gone: number[] = [];
    for (const name of names) {
      const block = this.#blocks.get(name);
      if (block === undefined) continue;
      this.#blocks.delete(name);
      for (const end of block.ends) if (this.#count(end, -1) === 0) gone.push(end);
    }
    return gone;
  }

  /** Forgets all whose owner is of use no more; ours that went with them. */
  retain(owners: ReadonlySet<string>): number[] {
    const names = [...this.#blocks].filter(([, { owner }]) => !owners.has(owner));
    return this.removed(names.map(([name]) => name));
  }

  clear(): void {
    this.#blocks.clear();
    this.#counts.clear();
  }

  #count(hash: number, by: 1 | -1): number {
    const count = (this.#counts.get(hash) ?? 0) + by;
    if (count === 0) this.#counts.delete(hash);
    else this.#counts.set(hash, count);
    return count;
  }
}
