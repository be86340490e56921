/**
 * Which prompt prefixes a stand-in engine would have in KV: chain hashes of full blocks, kept apart by
 * cache namespace, least recently used first out. Holds no tokens.
 */
const BLOCK_TOKENS = 16;

export interface SimulatedCache {
  /** Cached tokens at the head of `prompt`: full blocks, never the whole prompt (its last token must be computed). */
  lookup(namespace: string, prompt: Uint32Array): number;
  insert(namespace: string, prompt: Uint32Array): void;
  clear(): void;
}

export function createSimulatedCache(kvTokens: number): SimulatedCache {
  const capacity = Math.max(1, Math.floor(kvTokens / BLOCK_TOKENS));
  /** Insertion order is order of use. */
  const blocks = new Set<string>();

  function touch(key: string): void {
    blocks.delete(key);
    blocks.add(key);
  }

  return {
    lookup(namespace, prompt) {
      const full = Math.floor((prompt.length - 1) / BLOCK_TOKENS);
      let cached = 0;
      for (const key of chain(namespace, prompt, full)) {
        if (!blocks.has(key)) break;
        touch(key);
        cached += BLOCK_TOKENS;
      }
      return cached;
    },
    insert(namespace, prompt) {
      for (const key of chain(namespace, prompt, Math.floor(prompt.length / BLOCK_TOKENS))) {
        touch(key);
        if (blocks.size > capacity) {
          const [oldest] = blocks;
          if (oldest !== undefined) blocks.delete(oldest);
        }
      }
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
    yield `${namespace}/${(high >>> 0).toString(36)}${(low >>> 0).toString(36)}`;
  }
}
