// out[r][o] = sum over k of x[r][k] * w[o][k], k ascending, one accumulator an output: the order of
// reduction does not depend on the number of rows or on the tile. Weights lie in panels of 8 outputs:
// panel p holds w[8p..8p+7][k] for k = 0, 1, ... so that lanes are outputs and no sum is ever split.

/** 4 rows by one panel. */
// @ts-ignore: decorator
@inline
function tile4(out: usize, outBytes: usize, x: usize, xBytes: usize, w: usize, depth: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  let xa = x;
  let xb = x + xBytes;
  let xc = xb + xBytes;
  let xd = xc + xBytes;
  const end = w + (<usize>depth << 5);
  const even = w + (<usize>(depth & ~1) << 5);
  for (; w < even; w += 64) {
    let w0 = v128.load(w);
    let w1 = v128.load(w, 16);
    let s = v128.load32_splat(xa);
    a0 = f32x4.add(a0, f32x4.mul(s, w0));
    a1 = f32x4.add(a1, f32x4.mul(s, w1));
    s = v128.load32_splat(xb);
    b0 = f32x4.add(b0, f32x4.mul(s, w0));
    b1 = f32x4.add(b1, f32x4.mul(s, w1));
    s = v128.load32_splat(xc);
    c0 = f32x4.add(c0, f32x4.mul(s, w0));
    c1 = f32x4.add(c1, f32x4.mul(s, w1));
    s = v128.load32_splat(xd);
    d0 = f32x4.add(d0, f32x4.mul(s, w0));
    d1 = f32x4.add(d1, f32x4.mul(s, w1));
    w0 = v128.load(w, 32);
    w1 = v128.load(w, 48);
    s = v128.load32_splat(xa, 4);
    a0 = f32x4.add(a0, f32x4.mul(s, w0));
    a1 = f32x4.add(a1, f32x4.mul(s, w1));
    s = v128.load32_splat(xb, 4);
    b0 = f32x4.add(b0, f32x4.mul(s, w0));
    b1 = f32x4.add(b1, f32x4.mul(s, w1));
    s = v128.load32_splat(xc, 4);
    c0 = f32x4.add(c0, f32x4.mul(s, w0));
    c1 = f32x4.add(c1, f32x4.mul(s, w1));
    s = v128.load32_splat(xd, 4);
    d0 = f32x4.add(d0, f32x4.mul(s, w0));
    d1 = f32x4.add(d1, f32x4.mul(s, w1));
    xa += 8;
    xb += 8;
    xc += 8;
    xd += 8;
  }
  if (w < end) {
    const w0 = v128.load(w);
    const w1 = v128.load(w, 16);
    let s = v128.load32_splat(xa);
    a0 = f32x4.add(a0, f32x4.mul(s, w0));
    a1 = f32x4.add(a1, f32x4.mul(s, w1));
    s = v128.load32_splat(xb);
    b0 = f32x4.add(b0, f32x4.mul(s, w0));
    b1 = f32x4.add(b1, f32x4.mul(s, w1));
    s = v128.load32_splat(xc);
    c0 = f32x4.add(c0, f32x4.mul(s, w0));
    c1 = f32x4.add(c1, f32x4.mul(s, w1));
    s = v128.load32_splat(xd);
    d0 = f32x4.add(d0, f32x4.mul(s, w0));
    d1 = f32x4.add(d1, f32x4.mul(s, w1));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  out += outBytes;
  v128.store(out, b0);
  v128.store(out, b1, 16);
  out += outBytes;
  v128.store(out, c0);
  v128.store(out, c1, 16);
  out += outBytes;
  v128.store(out, d0);
  v128.store(out, d1, 16);
}

/** One row by four panels, which lie `panelBytes` apart. */
// @ts-ignore: decorator
@inline
function tile1x4(out: usize, x: usize, w: usize, panelBytes: usize, depth: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  let wb = w + panelBytes;
  let wc = wb + panelBytes;
  let wd = wc + panelBytes;
  const end = x + (<usize>depth << 2);
  for (; x < end; x += 4) {
    const s = v128.load32_splat(x);
    a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w)));
    a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 16)));
    b0 = f32x4.add(b0, f32x4.mul(s, v128.load(wb)));
    b1 = f32x4.add(b1, f32x4.mul(s, v128.load(wb, 16)));
    c0 = f32x4.add(c0, f32x4.mul(s, v128.load(wc)));
    c1 = f32x4.add(c1, f32x4.mul(s, v128.load(wc, 16)));
    d0 = f32x4.add(d0, f32x4.mul(s, v128.load(wd)));
    d1 = f32x4.add(d1, f32x4.mul(s, v128.load(wd, 16)));
    w += 32;
    wb += 32;
    wc += 32;
    wd += 32;
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, b0, 32);
  v128.store(out, b1, 48);
  v128.store(out, c0, 64);
  v128.store(out, c1, 80);
  v128.store(out, d0, 96);
  v128.store(out, d1, 112);
}

/** One row by one panel. */
// @ts-ignore: decorator
@inline
function tile1(out: usize, x: usize, w: usize, depth: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  const end = x + (<usize>depth << 2);
  for (; x < end; x += 4, w += 32) {
    const s = v128.load32_splat(x);
    a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w)));
    a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 16)));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
}

/** Strides in floats; `out` rows have room for `8 * panels`. */
export function matmul(out: usize, outStride: i32, x: usize, xStride: i32, w: usize, rows: i32, depth: i32, panels: i32): void {
  const outBytes = <usize>outStride << 2;
  const xBytes = <usize>xStride << 2;
  const panelBytes = <usize>depth << 5;
  const tiled = rows & ~3;
  for (let p: i32 = 0; p < panels && tiled > 0; p++) {
    const panel = w + <usize>p * panelBytes;
    let to = out + (<usize>p << 5);
    let from = x;
    for (let r: i32 = 0; r < tiled; r += 4, to += outBytes << 2, from += xBytes << 2) {
      tile4(to, outBytes, from, xBytes, panel, depth);
    }
  }
  for (let r = tiled; r < rows; r++) {
    const from = x + <usize>r * xBytes;
    const to = out + <usize>r * outBytes;
    let p: i32 = 0;
    for (; p + 4 <= panels; p += 4) tile1x4(to + (<usize>p << 5), from, w + <usize>p * panelBytes, panelBytes, depth);
    for (; p < panels; p++) tile1(to + (<usize>p << 5), from, w + <usize>p * panelBytes, depth);
  }
}
