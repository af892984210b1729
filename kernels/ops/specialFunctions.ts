import { f32Literal } from '../wgsl.ts';
import { erf } from './erf.ts';
import type { UnaryEntry } from './unary-table.ts';

/**
 * Gamma, inverse error and Bessel functions, for the table of unary functions. Asymptotic series of the gamma functions: Abramowitz and Stegun 6.1.41 and
 * 6.3.18, after steps up to where they hold; modified Bessel functions: 9.8.1 to 9.8.4; inverse error function: M. Giles, Approximating the erfinv
 * function, 2010.
 */

const LOG_2PI = Math.log(2 * Math.PI);
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680];
const DIGAMMA = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132];

/** log |gamma(x)|: reflected below a half, stepped up to where the series holds. */
function lgamma(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x) || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * (x % 2)))) - lgamma(1 - x);
  let steps = 0;
  let z = x;
  for (; z < 10; z++) steps += Math.log(z);
  const s = 1 / (z * z);
  return (z - 0.5) * Math.log(z) - z + LOG_2PI / 2 + STIRLING.reduceRight((sum, c) => sum * s + c, 0) / z - steps;
}

function digamma(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Infinity : -Infinity;
  if (x < 0 && Number.isInteger(x)) return NaN;
  if (x < 0) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x % 1));
  let sum = 0;
  let z = x;
  for (; z < 10; z++) sum -= 1 / z;
  const s = 1 / (z * z);
  return sum + Math.log(z) - 0.5 / z - s * DIGAMMA.reduceRight((p, c) => p * s + c, 0);
}

const GILES_NEAR = [2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941];
const GILES_FAR = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682];
const horner = (c: readonly number[], x: number): number => c.reduce((sum, k) => sum * x + k, 0);
const hornerWgsl = (c: readonly number[], x: string): string => {
  const lit = (v: number): string => (v < 0 ? `(${f32Literal(v)})` : f32Literal(v));
  return c.slice(1).reduce((sum, k) => `(${sum} * ${x} + ${lit(k)})`, lit(c[0]!));
};

function erfinv(x: number): number {
  if (!(Math.abs(x) < 1)) return x === 1 ? Infinity : x === -1 ? -Infinity : NaN;
  const w = -Math.log1p(-x * x);
  let y = x * (w < 5 ? horner(GILES_NEAR, w - 2.5) : horner(GILES_FAR, Math.sqrt(w) - 3));
  // Two steps of Newton's method where erf still tells the values apart.
  if (Math.abs(x) < 0.99) for (let i = 0; i < 2; i++) y -= (erf(y) - x) / ((2 / Math.sqrt(Math.PI)) * Math.exp(-y * y));
  return y;
}

/** Polynomials in (x / 3.75)^2 up to 3.75 and in 3.75 / x beyond; highest power first. */
const I0_NEAR = [0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1];
const I0_FAR = [0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592, 0.39894228];
const I1_NEAR = [0.00032411, 0.00301532, 0.02658733, 0.15084934, 0.51498869, 0.87890594, 0.5];
const I1_FAR = [-0.00420059, 0.01787654, -0.02895312, 0.02282967, -0.01031555, 0.00163801, -0.00362018, -0.03988024, 0.39894228];

/** sum (x/2)^(2k + order) / (k! (k + order)!), times e^-|x|; terms are all of one sign. */
function bessel(x: number, order: 0 | 1): number {
  const a = Math.abs(x);
  if (!Number.isFinite(a)) return Number.isNaN(a) ? NaN : 0;
  if (a > 300) return (Math.sign(x) ** order * horner(order === 0 ? I0_FAR : I1_FAR, 3.75 / a)) / Math.sqrt(a);
  let term = Math.exp(-a) * (order === 0 ? 1 : a / 2);
  let sum = term;
  for (let k = 1; k < 600 && term > sum * 1e-17; k++) {
    term *= (a * a) / 4 / (k * (k + order));
    sum += term;
  }
  return Math.sign(x) ** order * sum;
}

const besselWgsl = (order: 0 | 1): string => {
  const [near, far] = order === 0 ? [I0_NEAR, I0_FAR] : [I1_NEAR, I1_FAR];
  return `fn bessel${order}(x: f32) -> f32 {
  let a = abs(x);
  let t = x / 3.75;
  let s = t * t;
  if (a <= 3.75) { return exp(-a) * ${order === 1 ? 'x * ' : ''}${hornerWgsl(near, 's')}; }
  let u = 3.75 / a;
  return ${order === 1 ? 'sign(x) * ' : ''}${hornerWgsl(far, 'u')} / sqrt(a);
}
`;
};

const GAMMA_WGSL = `fn sinpi(x: f32) -> f32 {
  let r = x - 2.0 * round(x * 0.5);
  return sin(3.14159265358979 * r);
}
fn lgammaUp(x: f32) -> f32 {
  var steps = 1.0;
  var z = x;
  while (z < 6.0) { steps *= z; z += 1.0; }
  let s = 1.0 / (z * z);
  return (z - 0.5) * log(z) - z + 0.9189385332046727 + (${hornerWgsl(STIRLING.toReversed(), 's')}) / z - log(steps);
}
fn digammaUp(x: f32) -> f32 {
  var sum = 0.0;
  var z = x;
  while (z < 6.0) { sum -= 1.0 / z; z += 1.0; }
  let s = 1.0 / (z * z);
  return sum + log(z) - 0.5 / z - s * ${hornerWgsl(DIGAMMA.toReversed(), 's')};
}
fn special_infinity(x: f32) -> f32 { return bitcast<f32>(0x7f800000u + select(0u, 1u, x != x)); }
`;
const ERFINV_WGSL = `fn erfinv32(x: f32) -> f32 {
  if (!(abs(x) < 1.0)) { return select(bitcast<f32>(0x7fc00000u + select(0u, 1u, x > 2.0)), sign(x) * bitcast<f32>(0x7f800000u + select(0u, 1u, x != x)), abs(x) == 1.0); }
  let w = -log((1.0 - x) * (1.0 + x));
  if (w < 5.0) { let v = w - 2.5; return x * ${hornerWgsl(GILES_NEAR, 'v')}; }
  let v = sqrt(w) - 3.0;
  return x * ${hornerWgsl(GILES_FAR, 'v')};
}
`;

const entry = (js: (x: number) => number, wgsl: string, helpers: string): UnaryEntry => ({ params: [], js: () => js, wgsl: () => wgsl, helpers });

export const SPECIAL_FUNCTIONS = {
  lgamma: entry(lgamma, `  if (x <= 0.0 && floor(x) == x) { return special_infinity(x); }
  if (x < 0.5) { return log(3.14159265358979 / abs(sinpi(x))) - lgammaUp(1.0 - x); }
  return lgammaUp(x);`, GAMMA_WGSL),
  digamma: entry(digamma, `  if (x == 0.0) { return -special_infinity(x); }
  if (x < 0.0 && floor(x) == x) { return bitcast<f32>(bitcast<u32>(special_infinity(x)) + 0x400000u); }
  if (x < 0.0) { return digammaUp(1.0 - x) - 3.14159265358979 * sinpi(x + 0.5) / sinpi(x); }
  return digammaUp(x);`, GAMMA_WGSL),
  erfinv: entry(erfinv, 'erfinv32(x)', ERFINV_WGSL),
  i0: entry((x) => bessel(x, 0) * Math.exp(Math.abs(x)), 'bessel0(x) * exp(abs(x))', besselWgsl(0)),
  i0e: entry((x) => bessel(x, 0), 'bessel0(x)', besselWgsl(0)),
  i1: entry((x) => bessel(x, 1) * Math.exp(Math.abs(x)), 'bessel1(x) * exp(abs(x))', besselWgsl(1)),
  i1e: entry((x) => bessel(x, 1), 'bessel1(x)', besselWgsl(1)),
} satisfies Record<string, UnaryEntry>;
