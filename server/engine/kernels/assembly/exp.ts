// Constants lie in memory: V8 rebuilds a v128 constant from an immediate at every use, which costs more than a load.
const CONSTANTS = memory.data<f32>([
  -87.0,
  88.0,
  1.44269504088896341, // log2(e)
  12582912.0, // 1.5 * 2^23: adding it rounds a small float to an integer, which then lies in the low bits of the sum
  0.693359375, // ln 2 in two parts: the first has few bits, so that n times it is exact
  -2.1219444e-4,
  1.98756915e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
  1.0,
]);

// @ts-ignore: decorator
@inline
function constant(index: usize): v128 {
  return v128.load32_splat(CONSTANTS + (index << 2));
}

// e^x of four lanes, within 2 units in the last place. Below -87 the result is exactly 0 (so masked
// scores, -infinity, vanish), above 88 it is that of 88. exp(x) = 2^n * p(x - n ln 2), where p is the
// minimax polynomial of degree 5 after S. Moshier's Cephes library (public domain).
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const low = constant(0);
  const t = f32x4.pmax(low, f32x4.pmin(constant(1), x));
  const magic = constant(3);
  const rounded = f32x4.add(f32x4.mul(t, constant(2)), magic);
  const n = f32x4.sub(rounded, magic);
  let r = f32x4.sub(t, f32x4.mul(n, constant(4)));
  r = f32x4.sub(r, f32x4.mul(n, constant(5)));
  let p = constant(6);
  p = f32x4.add(f32x4.mul(p, r), constant(7));
  p = f32x4.add(f32x4.mul(p, r), constant(8));
  p = f32x4.add(f32x4.mul(p, r), constant(9));
  p = f32x4.add(f32x4.mul(p, r), constant(10));
  p = f32x4.add(f32x4.mul(p, r), constant(11));
  const one = constant(12);
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), one);
  // 1.0's bits are the exponent's bias in place.
  const power = i32x4.add(i32x4.shl(rounded, 23), one);
  return v128.and(f32x4.mul(p, power), f32x4.ge(x, low));
}
