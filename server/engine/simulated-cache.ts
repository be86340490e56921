/**
 * Which prompt prefixes a stand-in engine would have in KV: chain hashes of full blocks, kept apart by
 * cache namespace, least recently used first out. Holds no tokens. Carried namespaces outlive the weights, and
 * tell so, as in `kv-blocks.ts`.
 */
import type { CoreRequest } from "./core.ts";

const BLOCK_TOKENS = 16;

type Prompt = Pick<CoreRequest, "cacheNamespace" | "cacheCarried" | "promptTokenIds">;

export interface SimulatedCache {
  /**
   * Cached tokens at the head of the prompt: full blocks, never the whole prompt (its last token must be computed);
   * and whether any of them is older than the weights.
   */
  lookup(prompt: Prompt): { readonly tokens: number; readonly older: boolean };
  insert(prompt: Prompt, mixed: boolean): void;
  /** The weights are others. */
  age(): void;
  drop(namespace: string): void;
  clear(): void;
}

interface Block {
  /** Of the weights that computed it and all before it; null where these differ. */
  readonly age: number | null;
  readonly carried: boolean;
}

export function createSimulatedCache(kvTokens: number): SimulatedCache {
  const capacity = Math.max(1, Math.floor(kvTokens / BLOCK_TOKENS));
  /** Insertion order is order of use. */
  const blocks = new Map<string, Block>();
  let now = 0;

  function touch(key: string, block: Block): void {
    blocks.delete(key);
    blocks.set(key, block);
  }

  return {
    lookup({ cacheNamespace, promptTokenIds }) {
      const full = Math.floor((promptTokenIds.length - 1) / BLOCK_TOKENS);
      let tokens = 0;
      let older = false;
      for (const key of chain(cacheNamespace, promptTokenIds, full)) {
        const block = blocks.get(key);
        if (block === undefined) break;
        touch(key, block);
        tokens += BLOCK_TOKENS;
        older ||= block.age !== now;
      }
      return { tokens, older };
    },
    insert({ cacheNamespace, cacheCarried, promptTokenIds }, mixed) {
      const full = Math.floor(promptTokenIds.length / BLOCK_TOKENS);
      for (const key of chain(cacheNamespace, promptTokenIds, full)) {
        touch(key, blocks.get(key) ?? { age: mixed ? null : now, carried: cacheCarried });
        if (blocks.size > capacity) {
          const oldest = blocks.keys().next();
          if (!oldest.done) blocks.delete(oldest.value);
        }
      }
    },
    age() {
      now++;
      for (const [key, { carried }] of blocks) if (!carried) blocks.delete(key);
    },
    drop(namespace) {
      for (const key of blocks.keys()) if (key.startsWith(`${namespace}\n`)) blocks.delete(key);
    },
    clear: () => blocks.clear(),
  };
}

/** 53-bit chain hashes: a stand-in may err once in 10^15 blocks. */
function* chain(namespace: string, prompt: Uint32Array, count: number): Generator<string> {
  let low = 0x811c9dc5;
  let high = 0x1234567;
  for (let block = 0; block < count; block++) {
    for (let i = block * BLOCK_TOKENS; i < (block + 1) * BLOCK_TOKENS; i++) {
      low = Math.imul(low ^ (prompt[i] as number), 0x01000193);
      high = Math.imul(high ^ (prompt[i] as number) ^ (low >>> 15), 0x85ebca6b);
    }
    yield `${namespace}\n${(high >>> 0).toString(36)}${(low >>> 0).toString(36)}`;
  }
}
