/**
 * What a stand-in engine keeps of KV: the simulator's book, with blocks named by chain hashes of the tokens, apart by cache
 * namespace. Beside each block, which weights computed it: carried namespaces outlive the weights, and tell so, as in `kv-blocks.ts`.
 * Holds no tokens.
 */
import { KvBook } from "../simulator/engine/kv-book.ts";
import type { Sequence } from "../simulator/engine/sequence.ts";
import type { CoreRequest } from "./core.ts";

const BLOCK_TOKENS = 16;

type Whose = Pick<CoreRequest, "cacheNamespace" | "cacheCarried">;

interface Block {
  readonly namespace: string;
  readonly carried: boolean;
  /** Of the weights that computed it and all before it; null where these differ. */
  readonly age: number | null;
}

export class SimulatedCache {
  readonly kv: KvBook;
  readonly #blocks = new Map<number, Block>();
  #now = 0;

  constructor(kvTokens: number) {
    this.kv = new KvBook(kvTokens, {
      blockTokens: BLOCK_TOKENS,
      changed: (kind, hash) => {
        if (kind === "removed") this.#blocks.delete(hash);
      },
    });
  }

  /** Its context is computed. Answers whether any of it is of other weights than those in service. */
  computed({ blocks }: Sequence, whose: Whose, mixed: boolean): boolean {
    const now = this.#now;
    const older = mixed || blocks.some(({ hash }) => (this.#blocks.get(hash)?.age ?? now) !== now);
    this.#name(
      blocks.map(({ hash }) => hash),
      whose,
      older,
    );
    return older;
  }

  /** Blocks of a context that stay for whoever comes next with it: none where the weights are of several minds and nobody is told. */
  leaves(hashes: readonly number[], whose: Whose, mixed: boolean): readonly number[] {
    return mixed && !whose.cacheCarried ? [] : hashes;
  }

  /** Full blocks that it left. */
  left(hashes: readonly number[], whose: Whose, mixed: boolean): void {
    this.#name(hashes, whose, mixed);
  }

  #name(hashes: readonly number[], { cacheNamespace, cacheCarried }: Whose, mixed: boolean): void {
    for (const hash of hashes) {
      if (this.#blocks.has(hash) || !this.kv.lists(hash)) continue;
      const age = mixed ? null : this.#now;
      this.#blocks.set(hash, { namespace: cacheNamespace, carried: cacheCarried, age });
    }
  }

  /** The weights are others. */
  age(): void {
    this.#now++;
    this.kv.dropTails();
    this.#drop(({ carried }) => !carried);
  }

  drop(namespace: string): void {
    this.#drop((block) => block.namespace === namespace);
  }

  clear(): void {
    this.#blocks.clear();
    this.kv.clear();
  }

  #drop(which: (block: Block) => boolean): void {
    for (const [hash, block] of [...this.#blocks]) if (which(block)) this.kv.drop(hash);
  }
}

/** Of each full block: 53 bits, so that a stand-in errs once in 10^15 blocks. */
export function blockHashes(namespace: string, ...parts: readonly ArrayLike<number>[]): number[] {
  let low = 0x811c9dc5;
  let high = 0x1234567;
  const take = (value: number): void => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ value ^ (low >>> 15), 0x85ebca6b);
  };
  for (let i = 0; i < namespace.length; i++) take(namespace.charCodeAt(i));
  const hashes: number[] = [];
  let count = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      take(part[i] as number);
      if (++count % BLOCK_TOKENS === 0) hashes.push((high >>> 11) * 2 ** 32 + (low >>> 0));
    }
  }
  return hashes;
}

/** Whole blocks of what was found, as engines tell it. */
export const wholeBlocks = (tokens: number): number =>
  Math.floor(tokens / BLOCK_TOKENS) * BLOCK_TOKENS;
