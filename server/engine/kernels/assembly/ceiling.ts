/**
 * The ceiling that bench/engine compares with: 8 independent accumulators, each `a += x * y` on registers, no
 * loads. Two factors change places in every iteration, so that no product can leave the loop. 32 multiply-adds each.
 */
export function multiplyAddLoop(iterations: i32, factor: f32): f32 {
  const y0 = f32x4.splat(factor);
  const y1 = f32x4.splat(factor + 0.25);
  const y2 = f32x4.splat(factor + 0.5);
  const y3 = f32x4.splat(factor + 0.75);
  let x = f32x4.splat(0.5);
  let z = f32x4.splat(-0.5);
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let a4 = f32x4.splat(0);
  let a5 = f32x4.splat(0);
  let a6 = f32x4.splat(0);
  let a7 = f32x4.splat(0);
  for (let i = 0; i < iterations; i++) {
    a0 = f32x4.add(a0, f32x4.mul(x, y0));
    a1 = f32x4.add(a1, f32x4.mul(x, y1));
    a2 = f32x4.add(a2, f32x4.mul(x, y2));
    a3 = f32x4.add(a3, f32x4.mul(x, y3));
    a4 = f32x4.add(a4, f32x4.mul(z, y0));
    a5 = f32x4.add(a5, f32x4.mul(z, y1));
    a6 = f32x4.add(a6, f32x4.mul(z, y2));
    a7 = f32x4.add(a7, f32x4.mul(z, y3));
    const swap = x;
    x = z;
    z = swap;
  }
  const s = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(f32x4.add(a4, a5), f32x4.add(a6, a7)));
  return f32x4.extract_lane(s, 0);
}
