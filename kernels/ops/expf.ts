const f = Math.fround;
const [R_LN2, L2U, L2L] = [f(Math.LOG2E), f(0.693145751953125), f(1.428606765330187045e-06)];
const [A, B, C, D, E] = [f(0.00019852761761285365), f(0.0013930435525253415), f(0.008333360776305199), f(0.041666485369205475), f(0.1666666716337204)];

/** 2^q, from -ZERO on: a table is much quicker than a power. */
const ZERO = 152;
const POWERS = Float64Array.from({ length: 2 * ZERO + 1 }, (_, i) => 2 ** (i - ZERO));

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
  let u = f(f(f(f(f(A * s + B) * s + C) * s + D) * s + E) * s + 0.5);
  u = f(1 + f(f(s * s) * u + s));
  return f(u * POWERS[q + ZERO]!);
}

const [LOG2E, LN2, LN_MIN, LN_MAX] = [f(1.44269502162933349609375), f(0.693147182464599609375), f(-87.33654022216797), f(88.72283935546875)];
const [F5, F4, F3, F2, F1] = [f(0.00828929059), f(0.0418978221), f(0.166676521), f(0.499991506), f(0.999999701)];

/** exp(x) with the bits of PyTorch's faster one, Vectorized<float>::exp_u20 (within 20 ULP; aten/src/ATen/cpu/vec/vec512/vec512_float.h). */
export function fastExpf(x: number): number {
  if (x !== x) return x;
  if (x < LN_MIN) return 0;
  const bounded = Math.min(x, LN_MAX);
  const q = Math.floor(f(bounded * LOG2E + 0.5));
  const rest = f(q * -LN2 + bounded);
  const u = f(f(f(f(f(F5 * rest + F4) * rest + F3) * rest + F2) * rest + F1) * rest + 1);
  return f(f(u * POWERS[q - 1 + ZERO]!) * 2);
}
