/**
 * The seed of one attempt, where an engine's draws are not keyed by sibling and position as ours are (I5). Most draw one number
 * after the other from a generator that begins anew with each request: what goes on behind a cut has another
 * generator, as random, though not the tokens of an uncut rollout. The caller's own at the start, so that it means what
 * it means at the engine itself; else all of it counts in 32 bits, which every engine takes (vLLM's CPU build takes no more).
 */
export function seedOf(seed: number, siblingIndex: number, position: number): number {
  if (siblingIndex === 0 && position === 0 && seed < 2 ** 32) return seed;
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
