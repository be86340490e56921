/**
 * What `Card.prefix` and `cache` events are made of: FNV-1a over a policy's name and then token ids, one hash at the
 * end of each full block. Equal prefixes of one policy have equal hashes; KV of one policy says nothing of another's.
 */
import { PREFIX_BLOCK_TOKENS } from "./card.ts";

const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** The hash before a policy's first token. */
export function prefixRoot(policy: string): number {
  let hash = BASIS;
  for (let i = 0; i < policy.length; i++) hash = Math.imul(hash ^ policy.charCodeAt(i), PRIME);
  return hash >>> 0;
}

/** `hash` and one token more. */
export const prefixStep = (hash: number, id: number): number => Math.imul(hash ^ id, PRIME) >>> 0;

/** Of prompts shorter than a block, shared. */
const NO_BLOCK: readonly number[] = [];

export function prefixHashes(policy: string, ids: Uint32Array): readonly number[] {
  if (ids.length < PREFIX_BLOCK_TOKENS) return NO_BLOCK;
  const hashes = new Array<number>(Math.floor(ids.length / PREFIX_BLOCK_TOKENS));
  let hash = prefixRoot(policy);
  for (let block = 0; block < hashes.length; block++) {
    const end = (block + 1) * PREFIX_BLOCK_TOKENS;
    for (let i = end - PREFIX_BLOCK_TOKENS; i < end; i++)
      hash = Math.imul(hash ^ (ids[i] as number), PRIME);
    hashes[block] = hash >>> 0;
  }
  return hashes;
}
