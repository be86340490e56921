/**
 * The engine's matrix product in plain JavaScript over a `Float32Array`: the same panels, the same order of
 * reduction, hence the same bits. What the WebAssembly kernel is measured against.
 */
const { fround } = Math;
const PANEL = 8;

/** As `KernelFunctions.matmul`, but places are indices into `floats`. */
export function typedMatmul(
  floats: Float32Array,
  out: number,
  outStride: number,
  x: number,
  xStride: number,
  w: number,
  rows: number,
  depth: number,
  panels: number,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const from = w + panel * depth * PANEL;
    for (let row = 0; row < rows; row++) {
      tile(floats, out + row * outStride + panel * PANEL, x + row * xStride, from, depth);
    }
  }
}

/** One row by one panel, its eight sums in registers. `fround` after each step makes V8 compute in single precision. */
function tile(floats: Float32Array, out: number, x: number, w: number, depth: number): void {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  const end = x + depth;
  for (let from = x, at = w; from < end; from++, at += PANEL) {
    const s = floats[from] as number;
    a = fround(a + fround(s * (floats[at] as number)));
    b = fround(b + fround(s * (floats[at + 1] as number)));
    c = fround(c + fround(s * (floats[at + 2] as number)));
    d = fround(d + fround(s * (floats[at + 3] as number)));
    e = fround(e + fround(s * (floats[at + 4] as number)));
    f = fround(f + fround(s * (floats[at + 5] as number)));
    g = fround(g + fround(s * (floats[at + 6] as number)));
    h = fround(h + fround(s * (floats[at + 7] as number)));
  }
  floats[out] = a;
  floats[out + 1] = b;
  floats[out + 2] = c;
  floats[out + 3] = d;
  floats[out + 4] = e;
  floats[out + 5] = f;
  floats[out + 6] = g;
  floats[out + 7] = h;
}
