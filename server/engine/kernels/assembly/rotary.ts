/**
 * Rotates the queries of each row in place and writes its rotated keys and its values into the KV cache.
 * Halves are rotated against each other, as Hugging Face's Llama does: (a, b) -> (a cos - b sin, b cos + a sin)
 * with a from the first half of a head and b from the second. `angles` holds cos then sin, half a head each, a position.
 *
 * A block's share of a layer: keys as [kvHead][headDim][16 positions], then values as [kvHead][16 positions][headDim].
 */
export function rotateAndStore(
  qkv: usize,
  stride: i32,
  positions: usize,
  tables: usize,
  rows: i32,
  angles: usize,
  layerOffset: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
): void {
  const headBytes = <usize>headDim << 2;
  const half = headBytes >> 1;
  const valuesOffset = <usize>kvHeads * headBytes * 16;
  for (let r: i32 = 0; r < rows; r++) {
    const position = load<u32>(positions + (<usize>r << 2));
    const table = <usize>load<u32>(tables + (<usize>r << 2));
    const block = <usize>load<u32>(table + ((<usize>position >> 4) << 2)) + layerOffset;
    const slot = <usize>position & 15;
    const cos = angles + <usize>position * headBytes;
    const sin = cos + half;
    let at = qkv + ((<usize>r * <usize>stride) << 2);
    for (let h: i32 = 0; h < heads + kvHeads; h++, at += headBytes) {
      for (let i: usize = 0; i < half; i += 16) {
        const c = v128.load(cos + i);
        const s = v128.load(sin + i);
        const a = v128.load(at + i);
        const b = v128.load(at + half + i);
        v128.store(at + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
        v128.store(at + half + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
      }
    }
    const keys = at - <usize>kvHeads * headBytes;
    for (let i: usize = 0; i < <usize>kvHeads * <usize>headDim; i++) {
      store<f32>(block + (i << 6) + (slot << 2), load<f32>(keys + (i << 2)));
    }
    for (let h: usize = 0; h < <usize>kvHeads; h++, at += headBytes) {
      memory.copy(block + valuesOffset + (h * 16 + slot) * headBytes, at, headBytes);
    }
  }
}
