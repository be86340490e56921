/**
 * The seed of one attempt. vLLM draws one number after the other from a generator that begins anew with each request, so
 * siblings and what goes on behind a cut must have generators of their own: as random, though not the tokens of an
 * uncut rollout (I5). On a CPU its generators take the low 32 bits alone, so that all of a long seed must count in these.
 */
export function seedOf(seed: number, siblingIndex: number, position: number): number {
  if (siblingIndex === 0 && position === 0 && seed < 2 ** 32) return seed;
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32);
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (const word of [low, high, siblingIndex, position]) {
    a = mixed(a ^ word);
    b = mixed(b + a);
  }
  return (b & 0x1f_ffff) * 2 ** 32 + a;
}

/** Murmur3's finaliser. */
function mixed(word: number): number {
  let mix = word >>> 0;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
