// The ceiling that bench/engine compares with: 8 independent chains of multiply and add on registers,
// no loads. Every 1,000 iterations are 1,000 * 8 * 4 multiply-adds.
export function multiplyAddLoop(iterations: i32, factor: f32): f32 {
  const f = f32x4.splat(factor);
  const c = f32x4.splat(1.0);
  let a0 = f32x4.splat(0.125);
  let a1 = f32x4.splat(0.25);
  let a2 = f32x4.splat(0.375);
  let a3 = f32x4.splat(0.5);
  let a4 = f32x4.splat(0.625);
  let a5 = f32x4.splat(0.75);
  let a6 = f32x4.splat(0.875);
  let a7 = f32x4.splat(1.0);
  for (let i = 0; i < iterations; i++) {
    a0 = f32x4.add(f32x4.mul(a0, f), c);
    a1 = f32x4.add(f32x4.mul(a1, f), c);
    a2 = f32x4.add(f32x4.mul(a2, f), c);
    a3 = f32x4.add(f32x4.mul(a3, f), c);
    a4 = f32x4.add(f32x4.mul(a4, f), c);
    a5 = f32x4.add(f32x4.mul(a5, f), c);
    a6 = f32x4.add(f32x4.mul(a6, f), c);
    a7 = f32x4.add(f32x4.mul(a7, f), c);
  }
  const s = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(f32x4.add(a4, a5), f32x4.add(a6, a7)));
  return f32x4.extract_lane(s, 0);
}
