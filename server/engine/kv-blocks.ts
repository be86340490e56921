/**
 * The KV cache's book-keeping: who holds which block, and which full blocks can be found again.
 *
 * A full block is *sealed*: found by its namespace and all tokens up to its end, exactly (no hashes): its key is the
 * number of the sealed block before it and its own tokens. Released sealed blocks stay findable until
 * blocks are needed; then the least recently released goes first. A sequence releases its last block
 * first, so that a block never outlives what it hangs on. Block numbers are the transformer's.
 */
export interface KvBlocks {
  readonly total: number;
  /** Blocks that sequences hold. */
  readonly held: number;
  /** Blocks that `take` could give. */
  readonly available: number;
  /** A block for the caller alone; `null` when all are held. */
  take(): number | null;
  /** Holds the sealed block that follows `chain` with `tokens`; `null` when there is none. */
  find(chain: string, tokens: Uint32Array): Sealed | null;
  /**
   * Makes a held block findable. Where an equal one exists the caller gets that one instead and its
   * own goes back: equal tokens in one namespace have bit-equal KV.
   */
  seal(chain: string, tokens: Uint32Array, block: number): Sealed;
  /** Gives back a sequence's blocks. */
  release(blocks: readonly number[]): void;
  /** Forgets sealed blocks that nobody holds. */
  flush(): void;
  /** Forgets all sealing: held blocks stay with their holders but are never found again. */
  forget(): void;
}

export interface Sealed {
  readonly block: number;
  /** Where the next block of the sequence hangs. */
  readonly chain: string;
}

/** Where a sequence's first block hangs. */
export const rootChain = (namespace: string): string => JSON.stringify(namespace);

export function createKvBlocks(total: number): KvBlocks {
  const free = Array.from({ length: total }, (_, index) => total - 1 - index);
  const holders = new Uint32Array(total);
  const keys = new Map<number, string>();
  const sealed = new Map<string, Sealed>();
  /** Sealed blocks that nobody holds, least recently released first. */
  const idle = new Set<number>();
  let serial = 0;

  const unseal = (block: number): void => {
    const key = keys.get(block);
    if (key !== undefined) sealed.delete(key);
    keys.delete(block);
  };
  const hold = (block: number): void => {
    idle.delete(block);
    holders[block] = (holders[block] as number) + 1;
  };
  const evict = (block: number): void => {
    idle.delete(block);
    unseal(block);
    free.push(block);
  };
  const release = (block: number): void => {
    const left = (holders[block] as number) - 1;
    if (left < 0) throw new Error(`block ${block} is released but not held`);
    holders[block] = left;
    if (left > 0) return;
    if (keys.has(block)) idle.add(block);
    else free.push(block);
  };

  return {
    total,
    get held() {
      return total - free.length - idle.size;
    },
    get available() {
      return free.length + idle.size;
    },
    take() {
      const [oldest] = idle;
      if (free.length === 0 && oldest !== undefined) evict(oldest);
      const block = free.pop();
      if (block === undefined) return null;
      hold(block);
      return block;
    },
    find(chain, tokens) {
      const found = sealed.get(keyOf(chain, tokens));
      if (found === undefined) return null;
      hold(found.block);
      return found;
    },
    seal(chain, tokens, block) {
      const key = keyOf(chain, tokens);
      const found = sealed.get(key);
      if (found !== undefined) {
        hold(found.block);
        release(block);
        return found;
      }
      const made = { block, chain: String(serial++) };
      sealed.set(key, made);
      keys.set(block, key);
      return made;
    },
    release(blocks) {
      for (const block of blocks.toReversed()) release(block);
    },
    flush() {
      for (const block of idle) evict(block);
    },
    forget() {
      for (const block of idle) evict(block);
      sealed.clear();
      keys.clear();
    },
  };
}

const keyOf = (chain: string, tokens: Uint32Array): string => `${chain}|${tokens.join()}`;
