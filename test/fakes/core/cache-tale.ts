/**
 * What a fake's prefix cache tells: blocks of 16 tokens by number, stored as requests are prefilled and end, dropped least
 * recently used first and from a chain's end. Beside the model's own book, which knows no listener; told apart by namespace.
 */
import type { Packable } from "./pack.ts";

export const BLOCK_TOKENS = 16;

export interface CacheTale {
  /** KV of these tokens exists now. */
  stored(namespace: string, tokens: Uint32Array): void;
  cleared(): void;
}

export function createCacheTale(
  kvTokens: number,
  publish: (events: readonly Packable[]) => void,
): CacheTale {
  const most = Math.floor(kvTokens / BLOCK_TOKENS);
  /** Name by chain and tokens; insertion order is order of use. */
  const names = new Map<string, bigint>();
  // As real names are: beyond what a double holds.
  let next = 2n ** 60n;
  return {
    stored(namespace, tokens) {
      const events: Packable[] = [];
      const used: (readonly [string, bigint])[] = [];
      let parent: bigint | null = null;
      for (let from = 0; from + BLOCK_TOKENS <= tokens.length; from += BLOCK_TOKENS) {
        const block = [...tokens.subarray(from, from + BLOCK_TOKENS)];
        const key = `${namespace} ${parent ?? ""} ${block}`;
        let name = names.get(key);
        if (name === undefined) {
          name = next++;
          events.push(stored(name, parent, block));
        }
        used.push([key, name]);
        parent = name;
      }
      for (const [key, name] of used.toReversed()) {
        names.delete(key);
        names.set(key, name);
      }
      for (const [key, name] of names) {
        if (names.size <= most) break;
        names.delete(key);
        events.push({ type: "BlockRemoved", block_hashes: [name], medium: "GPU" });
      }
      if (events.length > 0) publish(events);
    },
    cleared() {
      names.clear();
      publish([{ type: "AllBlocksCleared" }]);
    },
  };
}

const stored = (name: bigint, parent: bigint | null, tokens: readonly number[]): Packable => ({
  type: "BlockStored",
  block_hashes: [name],
  parent_block_hash: parent,
  token_ids: tokens,
  block_size: BLOCK_TOKENS,
  lora_id: null,
  medium: "GPU",
  lora_name: null,
});
