/**
 * The KV cache's book-keeping: who holds which block, and which full blocks can be found again.
 *
 * A full block is *sealed*: found by its namespace and all tokens up to its end, exactly (no hashes): its key is the
 * number of the sealed block before it and its own tokens. Released sealed blocks stay findable until
 * blocks are needed; then the least recently released goes first. A sequence releases its last block
 * first, so that a block never outlives what it hangs on. Block numbers are the transformer's.
 *
 * Blocks of a *carried* namespace stay findable when the weights change. Each remembers whether all that it was
 * computed from is of one age of the weights, so that whoever finds it knows what it finds.
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
  find(chain: string, tokens: Uint32Array): Found | null;
  /**
   * Makes a held block findable. Where an equal one exists the caller gets that one instead and its
   * own goes back: equal tokens in one namespace have bit-equal KV, if both are of this age alone. Else `null`: the
   * caller keeps its own, unsealed, and so all that follows it.
   */
  seal(chain: string, tokens: Uint32Array, block: number, kind?: SealKind): Sealed | null;
  /** Gives back a sequence's blocks. */
  release(blocks: readonly number[]): void;
  /** Forgets sealed blocks that nobody holds. */
  flush(): void;
  /**
   * The weights are others: forgets all sealing outside carried namespaces. Held blocks stay with their holders
   * but are never found again.
   */
  forget(): void;
  /** Forgets all sealing in a carried namespace. */
  drop(namespace: string): void;
}

export interface SealKind {
  /** Something that it was computed from is older than the weights. */
  readonly mixed: boolean;
  /** The carried namespace that it belongs to. */
  readonly carried: string | null;
}

const OF_THIS_AGE: SealKind = { mixed: false, carried: null };

export interface Found extends Sealed {
  /** Not all of it, or of what it was computed from, is of the present weights. */
  readonly older: boolean;
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
  const sealed = new Map<string, Aged>();
  /** Sealed blocks by their carried namespace, and the other way. */
  const carried = new Map<string, Set<number>>();
  const namespaces = new Map<number, string>();
  let age = 0;
  /** Sealed blocks that nobody holds, least recently released first. */
  const idle = new Set<number>();
  let serial = 0;

  const unseal = (block: number): void => {
    const key = keys.get(block);
    if (key !== undefined) sealed.delete(key);
    keys.delete(block);
    const namespace = namespaces.get(block);
    if (namespace === undefined) return;
    namespaces.delete(block);
    const others = carried.get(namespace);
    others?.delete(block);
    if (others?.size === 0) carried.delete(namespace);
  };
  const carry = (block: number, namespace: string): void => {
    namespaces.set(block, namespace);
    const others = carried.get(namespace) ?? new Set();
    carried.set(namespace, others.add(block));
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
  /** Never to be found again; its holders keep it. */
  const hide = (block: number): void => {
    if (idle.has(block)) evict(block);
    else unseal(block);
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
      return { block: found.block, chain: found.chain, older: found.age !== age };
    },
    seal(chain, tokens, block, { mixed, carried: namespace } = OF_THIS_AGE) {
      const key = keyOf(chain, tokens);
      const found = sealed.get(key);
      if (found !== undefined) {
        if (mixed || found.age !== age) return null;
        hold(found.block);
        release(block);
        return found;
      }
      const made = { block, chain: String(serial++), age: mixed ? null : age };
      sealed.set(key, made);
      keys.set(block, key);
      if (namespace !== null) carry(block, namespace);
      return made;
    },
    release(blocks) {
      for (const block of blocks.toReversed()) release(block);
    },
    flush() {
      for (const block of idle) evict(block);
    },
    forget() {
      age++;
      for (const block of [...keys.keys()]) if (!namespaces.has(block)) hide(block);
    },
    drop(namespace) {
      for (const block of [...(carried.get(namespace) ?? [])]) hide(block);
    },
  };
}

interface Aged extends Sealed {
  /** Of the weights, when it and all before it was computed; `null` where these ages differ. */
  readonly age: number | null;
}

const keyOf = (chain: string, tokens: Uint32Array): string => `${chain}|${tokens.join()}`;
