import { exp4 } from "./exp";

// Causal attention of each row over its own context through its block table. Lanes are positions while scoring
// (keys lie transposed in a block) and dimensions while summing values, so every sum has one order: over the head's
// dimensions, then over positions, whatever else is in the batch.

/** Scores of one head against one block of 16 keys. */
// @ts-ignore: decorator
@inline
function scoreBlock(scores: usize, query: usize, keys: usize, headDim: i32, scale: v128): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let k = keys;
  const end = query + (<usize>headDim << 2);
  for (let q = query; q < end; q += 8, k += 128) {
    const x = v128.load32_splat(q);
    a0 = f32x4.add(a0, f32x4.mul(x, v128.load(k)));
    a1 = f32x4.add(a1, f32x4.mul(x, v128.load(k, 16)));
    a2 = f32x4.add(a2, f32x4.mul(x, v128.load(k, 32)));
    a3 = f32x4.add(a3, f32x4.mul(x, v128.load(k, 48)));
    const y = v128.load32_splat(q, 4);
    a0 = f32x4.add(a0, f32x4.mul(y, v128.load(k, 64)));
    a1 = f32x4.add(a1, f32x4.mul(y, v128.load(k, 80)));
    a2 = f32x4.add(a2, f32x4.mul(y, v128.load(k, 96)));
    a3 = f32x4.add(a3, f32x4.mul(y, v128.load(k, 112)));
  }
  v128.store(scores, f32x4.mul(a0, scale));
  v128.store(scores, f32x4.mul(a1, scale), 16);
  v128.store(scores, f32x4.mul(a2, scale), 32);
  v128.store(scores, f32x4.mul(a3, scale), 48);
}

/** Scores of two heads that share their keys: the same sums, half the loads. */
// @ts-ignore: decorator
@inline
function scoreBlockPair(scores: usize, other: usize, query: usize, keys: usize, headDim: i32, scale: v128): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  let k = keys;
  const bytes = <usize>headDim << 2;
  const end = query + bytes;
  for (let q = query; q < end; q += 4, k += 64) {
    const x = v128.load32_splat(q);
    const y = v128.load32_splat(q + bytes);
    const k0 = v128.load(k);
    const k1 = v128.load(k, 16);
    a0 = f32x4.add(a0, f32x4.mul(x, k0));
    b0 = f32x4.add(b0, f32x4.mul(y, k0));
    a1 = f32x4.add(a1, f32x4.mul(x, k1));
    b1 = f32x4.add(b1, f32x4.mul(y, k1));
    const k2 = v128.load(k, 32);
    const k3 = v128.load(k, 48);
    a2 = f32x4.add(a2, f32x4.mul(x, k2));
    b2 = f32x4.add(b2, f32x4.mul(y, k2));
    a3 = f32x4.add(a3, f32x4.mul(x, k3));
    b3 = f32x4.add(b3, f32x4.mul(y, k3));
  }
  v128.store(scores, f32x4.mul(a0, scale));
  v128.store(scores, f32x4.mul(a1, scale), 16);
  v128.store(scores, f32x4.mul(a2, scale), 32);
  v128.store(scores, f32x4.mul(a3, scale), 48);
  v128.store(other, f32x4.mul(b0, scale));
  v128.store(other, f32x4.mul(b1, scale), 16);
  v128.store(other, f32x4.mul(b2, scale), 32);
  v128.store(other, f32x4.mul(b3, scale), 48);
}

/** Turns `length` scores into weights e^(score - max), padding to a multiple of 16 with 0; returns 1 / their sum. */
function softmax(scores: usize, length: i32): f32 {
  const end = scores + (<usize>((length + 15) & ~15) << 2);
  for (let p = scores + (<usize>length << 2); p < end; p += 4) store<f32>(p, -Infinity);
  let top = v128.load(scores);
  for (let p = scores + 16; p < end; p += 16) top = f32x4.pmax(top, v128.load(p));
  const max = f32x4.splat(
    max4(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1), f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
  );
  let sum = f32x4.splat(0);
  for (let p = scores; p < end; p += 16) {
    const e = exp4(f32x4.sub(v128.load(p), max));
    v128.store(p, e);
    sum = f32x4.add(sum, e);
  }
  const total =
    f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
  return <f32>1.0 / total;
}

// @ts-ignore: decorator
@inline
function max4(a: f32, b: f32, c: f32, d: f32): f32 {
  return max<f32>(max<f32>(a, b), max<f32>(c, d));
}

/** out[0..32] = scale * sum over positions of weight * value, for 32 dimensions. */
function mixValues32(out: usize, weights: usize, table: usize, offset: usize, length: i32, headBytes: usize, scale: f32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let a4 = f32x4.splat(0);
  let a5 = f32x4.splat(0);
  let a6 = f32x4.splat(0);
  let a7 = f32x4.splat(0);
  let w = weights;
  for (let left = length; left > 0; left -= 16, table += 4) {
    let v = <usize>load<u32>(table) + offset;
    const end = w + (<usize>min<i32>(left, 16) << 2);
    for (; w < end; w += 4, v += headBytes) {
      const x = v128.load32_splat(w);
      a0 = f32x4.add(a0, f32x4.mul(x, v128.load(v)));
      a1 = f32x4.add(a1, f32x4.mul(x, v128.load(v, 16)));
      a2 = f32x4.add(a2, f32x4.mul(x, v128.load(v, 32)));
      a3 = f32x4.add(a3, f32x4.mul(x, v128.load(v, 48)));
      a4 = f32x4.add(a4, f32x4.mul(x, v128.load(v, 64)));
      a5 = f32x4.add(a5, f32x4.mul(x, v128.load(v, 80)));
      a6 = f32x4.add(a6, f32x4.mul(x, v128.load(v, 96)));
      a7 = f32x4.add(a7, f32x4.mul(x, v128.load(v, 112)));
    }
  }
  const s = f32x4.splat(scale);
  v128.store(out, f32x4.mul(a0, s));
  v128.store(out, f32x4.mul(a1, s), 16);
  v128.store(out, f32x4.mul(a2, s), 32);
  v128.store(out, f32x4.mul(a3, s), 48);
  v128.store(out, f32x4.mul(a4, s), 64);
  v128.store(out, f32x4.mul(a5, s), 80);
  v128.store(out, f32x4.mul(a6, s), 96);
  v128.store(out, f32x4.mul(a7, s), 112);
}

/** The same for 8 dimensions. */
function mixValues8(out: usize, weights: usize, table: usize, offset: usize, length: i32, headBytes: usize, scale: f32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let w = weights;
  for (let left = length; left > 0; left -= 16, table += 4) {
    let v = <usize>load<u32>(table) + offset;
    const end = w + (<usize>min<i32>(left, 16) << 2);
    for (; w < end; w += 4, v += headBytes) {
      const x = v128.load32_splat(w);
      a0 = f32x4.add(a0, f32x4.mul(x, v128.load(v)));
      a1 = f32x4.add(a1, f32x4.mul(x, v128.load(v, 16)));
    }
  }
  const s = f32x4.splat(scale);
  v128.store(out, f32x4.mul(a0, s));
  v128.store(out, f32x4.mul(a1, s), 16);
}

function finishHead(out: usize, scores: usize, table: usize, offset: usize, length: i32, headBytes: usize): void {
  const scale = softmax(scores, length);
  let d: usize = 0;
  for (; d + 128 <= headBytes; d += 128) mixValues32(out + d, scores, table, offset + d, length, headBytes, scale);
  for (; d < headBytes; d += 32) mixValues8(out + d, scores, table, offset + d, length, headBytes, scale);
}

/** `scores` has room for two contexts, each padded to a multiple of 16 positions. */
export function attend(
  out: usize,
  outStride: i32,
  qkv: usize,
  stride: i32,
  positions: usize,
  tables: usize,
  rows: i32,
  layerOffset: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  scale: f32,
  scores: usize,
): void {
  const headBytes = <usize>headDim << 2;
  const valuesOffset = layerOffset + <usize>kvHeads * headBytes * 16;
  const group = heads / kvHeads;
  const scale4 = f32x4.splat(scale);
  for (let r: i32 = 0; r < rows; r++) {
    const length = <i32>load<u32>(positions + (<usize>r << 2)) + 1;
    const table = <usize>load<u32>(tables + (<usize>r << 2));
    const query = qkv + ((<usize>r * <usize>stride) << 2);
    const to = out + ((<usize>r * <usize>outStride) << 2);
    const blocks = (<usize>length + 15) >> 4;
    const other = scores + (blocks << 6);
    for (let h: i32 = 0; h < heads; ) {
      const kvHead = <usize>(h / group);
      const keys = layerOffset + ((kvHead * headBytes) << 4);
      const values = valuesOffset + ((kvHead * headBytes) << 4);
      const q = query + <usize>h * headBytes;
      const o = to + <usize>h * headBytes;
      if (h % group < group - 1) {
        for (let b: usize = 0; b < blocks; b++) {
          const block = <usize>load<u32>(table + (b << 2));
          scoreBlockPair(scores + (b << 6), other + (b << 6), q, block + keys, headDim, scale4);
        }
        finishHead(o, scores, table, values, length, headBytes);
        finishHead(o + headBytes, other, table, values, length, headBytes);
        h += 2;
      } else {
        for (let b: usize = 0; b < blocks; b++) {
          scoreBlock(scores + (b << 6), q, <usize>load<u32>(table + (b << 2)) + keys, headDim, scale4);
        }
        finishHead(o, scores, table, values, length, headBytes);
        h += 1;
      }
    }
  }
}
