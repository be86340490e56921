import { exp4 } from "./exp";

// Rows are padded with zeros to `stride` floats, a multiple of 4; the padding takes part in every loop.

/** out[r] = table[ids[r]] */
export function gather(out: usize, table: usize, ids: usize, rows: i32, stride: i32): void {
  const bytes = <usize>stride << 2;
  for (let r: i32 = 0; r < rows; r++) {
    memory.copy(out + <usize>r * bytes, table + <usize>load<u32>(ids + (<usize>r << 2)) * bytes, bytes);
  }
}

/** out = x / sqrt(mean(x^2) + epsilon) * weight; the sum runs in four lanes, joined (0+1)+(2+3). */
export function rmsNorm(out: usize, x: usize, weight: usize, rows: i32, size: i32, stride: i32, epsilon: f32): void {
  const bytes = <usize>stride << 2;
  for (let r: i32 = 0; r < rows; r++) {
    const row = x + <usize>r * bytes;
    const to = out + <usize>r * bytes;
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(row + i);
      sum = f32x4.add(sum, f32x4.mul(v, v));
    }
    const total =
      f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
    const scale = f32x4.splat(<f32>1.0 / sqrt<f32>(total / <f32>size + epsilon));
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(to + i, f32x4.mul(v128.load(weight + i), f32x4.mul(v128.load(row + i), scale)));
    }
  }
}

/** out[r] = silu(x[r][0..stride]) * x[r][stride..2 stride]: gate and up lie side by side. */
export function swiglu(out: usize, x: usize, rows: i32, stride: i32): void {
  const bytes = <usize>stride << 2;
  const one = f32x4.splat(1.0);
  for (let r: i32 = 0; r < rows; r++) {
    const gate = x + <usize>r * bytes * 2;
    const to = out + <usize>r * bytes;
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gate + i);
      const silu = f32x4.div(g, f32x4.add(one, exp4(f32x4.neg(g))));
      v128.store(to + i, f32x4.mul(silu, v128.load(gate + bytes + i)));
    }
  }
}

/** x += y over `count` floats, a multiple of 4. */
export function add(x: usize, y: usize, count: i32): void {
  const bytes = <usize>count << 2;
  for (let i: usize = 0; i < bytes; i += 16) v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(y + i)));
}
