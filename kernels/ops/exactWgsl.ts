/**
 * WGSL for what PyTorch computes with fused multiply-adds, divisions and roots that are rounded once, none of which WGSL promises: products and sums are kept
 * with their errors (T. J. Dekker, A floating-point technique for extending the available precision, 1971), and what an approximation is off by is put on it.
 * On the host the same is done in double precision. To be put behind KEEP_WGSL (qmath.ts).
 */
export const EXACT_WGSL = `
// A number as the sum of two of 12 bits, whose products are exact.
fn halves(x: f32) -> vec2<f32> {
  let c = keep(4097.0 * x);
  let high = keep(c - keep(c - x));
  return vec2<f32>(high, keep(x - high));
}
// a * b: the rounded product and its error.
fn productOf(a: f32, b: f32) -> vec2<f32> {
  let p = keep(a * b);
  let x = halves(a);
  let y = halves(b);
  let error = keep(keep(keep(keep(x.x * y.x) - p) + keep(x.x * y.y)) + keep(x.y * y.x)) + keep(x.y * y.y);
  return vec2<f32>(p, keep(error));
}
// a + b: the rounded sum and its error.
fn sumOf(a: f32, b: f32) -> vec2<f32> {
  let s = keep(a + b);
  let t = keep(s - a);
  return vec2<f32>(s, keep(keep(a - keep(s - t)) + keep(b - t)));
}
// a * b + c, rounded once.
fn fused(a: f32, b: f32, c: f32) -> f32 {
  let p = productOf(a, b);
  let s = sumOf(p.x, c);
  return keep(s.x + keep(s.y + p.y));
}
// a / b, rounded once.
fn quotient(a: f32, b: f32) -> f32 {
  let q = keep(a / b);
  let p = productOf(q, b);
  return keep(q + keep(keep(keep(a - p.x) - p.y) / b));
}
// a / sqrt(v + epsilon), rounded once; epsilon is given in two parts. near: an approximation of 1 / sqrt(v + epsilon).
fn overRoot(a: f32, v: f32, epsilon: vec2<f32>, near: f32) -> f32 {
  let y = keep(a * near);
  let d = sumOf(v, epsilon.x);
  let rest = keep(d.y + epsilon.y);
  let square = productOf(y, y);
  let scaled = productOf(square.x, d.x);
  let wanted = productOf(a, a);
  let off = keep(keep(wanted.x - scaled.x) + keep(keep(keep(wanted.y - scaled.y) - keep(square.x * rest)) - keep(square.y * d.x)));
  return keep(y + keep(off / keep(2.0 * keep(y * d.x))));
}
`;
