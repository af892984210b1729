const f = Math.fround;
const [R_LN2, L2U, L2L] = [f(Math.LOG2E), f(0.693145751953125), f(1.428606765330187045e-06)];
const TERMS = [0.0013930435525253415, 0.008333360776305199, 0.041666485369205475, 0.1666666716337204, 0.5].map(f);

/**
 * exp(x) with the bits of PyTorch's vectorized exp on x86: SLEEF's Sleef_expf_u10 (within 1.0 ULP), its multiply-adds fused, which doubles hold exactly
 * but for the last rounding.
 */
export function expf(x: number): number {
  if (x !== x) return x;
  if (x > 104) return Infinity;
  if (x < -104) return 0;
  // Adding 1.5 * 2^52 rounds to the nearest integer.
  const q = f(x * R_LN2) + 6755399441055744 - 6755399441055744;
  let s = f(q * -L2U + x);
  s = f(q * -L2L + s);
  let u = f(0.00019852761761285365);
  for (const term of TERMS) u = f(u * s + term);
  u = f(1 + f(f(s * s) * u + s));
  return f(u * 2 ** q);
}
