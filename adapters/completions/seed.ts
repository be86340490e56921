/**
 * The seed of one attempt, for engines that draw one number after the other from a generator that begins anew with
 * each request: siblings and what goes on behind a cut have generators of their own, as random, though not the tokens
 * of an uncut rollout (I5). Below 2^32, which every engine takes.
 */
export function seedOf(seed: number, siblingIndex: number, position: number): number {
  let mixed = 0x9e3779b9;
  for (const word of [seed >>> 0, Math.floor(seed / 2 ** 32), siblingIndex, position]) {
    mixed = finished((mixed + word) | 0) + 0x9e3779b9;
  }
  return mixed >>> 0;
}

/** Murmur3's finaliser. */
function finished(word: number): number {
  let mix = word;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
