/**
 * Philox4x32-10, a counter-based generator: 128 random bits as a pure function of a counter and a key.
 * J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the test holds the
 * known answers that its authors publish with Random123.
 */
type Words = readonly [number, number, number, number];

const ROUNDS = 10;

export function philox4x32(counter: Words, key: readonly [number, number]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/**
 * The uniform in [0, 1) that decides the token at output position `position`: 53 bits of the first two
 * words. Key: the seed's low and high word. Counter: position (low, high), sibling index, 0.
 */
export function uniformAt(seed: number, siblingIndex: number, position: number): number {
  const [a, b] = philox4x32(
    [position >>> 0, Math.floor(position / 2 ** 32), siblingIndex >>> 0, 0],
    [seed >>> 0, Math.floor(seed / 2 ** 32)],
  );
  return ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
}

/** The upper 32 bits of the 64-bit product of two unsigned words. */
function multiplyHigh(x: number, y: number): number {
  const xl = x & 0xffff;
  const xh = x >>> 16;
  const yl = y & 0xffff;
  const yh = y >>> 16;
  const middle = xh * yl + ((xl * yl) >>> 16);
  const other = xl * yh + (middle & 0xffff);
  return xh * yh + Math.floor(middle / 65_536) + Math.floor(other / 65_536);
}
