import { expf } from './expf.ts';
import { f32Literal } from '../wgsl.ts';
import { ERF_WGSL, erf } from './erf.ts';
import { geluErf } from './geluErf.ts';
import { SPECIAL_FUNCTIONS } from './specialFunctions.ts';

/**
 * One function of one number, twice. `js` computes in double precision; `wgsl` is an f32 expression or a body with `return`, of `x`;
 * `int` the i32 expression of `x0` where the function takes integers. Parameters are given with PyTorch's defaults.
 */
export interface UnaryEntry {
  readonly params: readonly (readonly [name: string, value: number])[];
  readonly js: (p: readonly number[]) => (x: number) => number;
  readonly wgsl: (p: readonly number[]) => string;
  readonly helpers?: string;
  readonly int?: (p: readonly number[]) => string;
  readonly intOnly?: boolean;
  /** The result is a bool. */
  readonly bool?: boolean;
}

const f = Math.fround;
/** 1 + exp(-x) in float32, as PyTorch's kernels have it. */
const sigmoidDivisor = (x: number): number => f(1 + expf(-x));
const sigmoid = (x: number): number => 1 / sigmoidDivisor(x);
const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);

/** Nearest integer, ties to even, as torch.round. */
export function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** max(min(x, high), low) that lets NaN through. */
const clampTo = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x);

const lit = (v: number): string => (v < 0 ? `(${f32Literal(v)})` : f32Literal(v));
const intLit = (v: number): string => (v <= -2147483648 ? '(-2147483647 - 1)' : `${Math.min(2147483647, Math.trunc(v))}`);

/** Clamping in WGSL by comparisons, so that NaN stays NaN; an infinite end is left out. */
function clampWgsl(low: number, high: number): string {
  if (Number.isNaN(low) || Number.isNaN(high)) return '  var r = x;\n  for (var k = 0u; k < 1u; k++) { r = bitcast<f32>(0x7fc00000u + k); }\n  return r;';
  const lines = ['  var r = x;'];
  if (low !== -Infinity) lines.push(`  if (r < ${low === Infinity ? lit(3.4028234663852886e38) : lit(low)}) { r = ${lit(Math.min(low, 3.4028234663852886e38))}; }`);
  if (high !== Infinity) lines.push(`  if (r > ${lit(Math.max(high, -3.4028234663852886e38))}) { r = ${lit(Math.max(high, -3.4028234663852886e38))}; }`);
  return [...lines, '  return r;'].join('\n');
}

const CLAMP = { // shared by relu6, hardtanh and clamp
  js: ([low, high]: readonly number[]) => (x: number) => (x < low! ? (low! > high! ? high! : low!) : x > high! ? high! : x),
  wgsl: ([low, high]: readonly number[]) => clampWgsl(low!, high!),
  int: ([low, high]: readonly number[]) => `min(max(x0, ${intLit(Math.ceil(low!))}), ${intLit(Math.floor(high!))})`,
};

// The built-in tanh only promises an absolute error: near 0 a Taylor series keeps the relative one.
const TANH_WGSL = `fn tanh32(x: f32) -> f32 {
  let a = abs(x);
  if (a < 0.3) {
    let s = x * x;
    return x * (1.0 - s * (1.0 / 3.0 - s * (2.0 / 15.0 - s * (17.0 / 315.0 - s * (62.0 / 2835.0 - s * 1382.0 / 155925.0)))));
  }
  if (x != x) { return x; }
  let t = 1.0 - 2.0 / (exp(2.0 * min(a, 10.0)) + 1.0);
  return select(t, -t, x < 0.0);
}
`;
// exp(-x) of a very negative x would be infinite, and 1/inf is not sure to be 0 in WGSL.
const SIGMOID_WGSL = 'fn sigmoid32(x: f32) -> f32 {\n  if (x != x) { return x; }\n  return 1.0 / (1.0 + exp(-clamp(x, -87.0, 87.0)));\n}\n';
// log(1 + e) loses the digits of a small e; log(1 + e) = 2 atanh(e / (2 + e)) does not. Eight terms hold from -0.5 to 1.
const LOG1P_WGSL = `fn log1p32(e: f32) -> f32 {
  if (!(e >= -0.5 && e <= 1.0)) { return log(1.0 + e); }
  let q = e / (2.0 + e);
  let s = q * q;
  return 2.0 * q * (1.0 + s * (1.0 / 3.0 + s * (0.2 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0 + s * (1.0 / 13.0 + s / 15.0)))))));
}
`;
const SOFTPLUS_WGSL = `${LOG1P_WGSL}fn softplus32(x: f32) -> f32 { return log1p32(exp(max(-abs(x), -87.0))) + max(x, 0.0); }
`;
const EXPM1_WGSL = `fn expm132(x: f32) -> f32 {
  if (abs(x) < 0.35) { return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x / 5040.0)))))); }
  return exp(x) - 1.0;
}
`;
// WGSL leaves sin and cos of large arguments open: reduce to [-pi/4, pi/4] in three steps (Cody and Waite), then Taylor.
const TRIG_WGSL = `fn trig32(x: f32, shift: i32) -> f32 {
  let turns = round(x * 0.63661977236);
  let quarter = (i32(turns) + shift) & 3;
  let r = ((x - turns * 1.5703125) - turns * 0.0004837512969970703) - turns * 7.54978995489188e-08;
  let s = r * r;
  let sine = r * (1.0 - s * (1.0 / 6.0 - s * (1.0 / 120.0 - s * (1.0 / 5040.0 - s / 362880.0))));
  let cosine = 1.0 - s * (0.5 - s * (1.0 / 24.0 - s * (1.0 / 720.0 - s / 40320.0)));
  let v = select(sine, cosine, (quarter & 1) == 1);
  return select(v, -v, quarter >= 2);
}
`;
// WGSL promises little of asin near the ends of its range: there the half-angle formula takes over (a series holds up to 0.5).
const ASIN_WGSL = `fn asinSeries(x: f32) -> f32 {
  let s = x * x;
  return x * (1.0 + s * (1.0 / 6.0 + s * (3.0 / 40.0 + s * (15.0 / 336.0 + s * (105.0 / 3456.0 + s * (945.0 / 42240.0 + s * (10395.0 / 599040.0 + s * 0.01396484375)))))));
}
fn asin32(x: f32) -> f32 {
  let a = abs(x);
  if (a <= 0.5) { return asinSeries(x); }
  let r = 1.5707963267948966 - 2.0 * asinSeries(sqrt((1.0 - a) * 0.5));
  return select(r, -r, x < 0.0);
}
fn acos32(x: f32) -> f32 {
  if (x > 0.5) { return 2.0 * asinSeries(sqrt((1.0 - x) * 0.5)); }
  return 1.5707963267948966 - asin32(x);
}
`;
// sinh from expm1 keeps the digits of small arguments.
const SINH_WGSL = 'fn sinh32(x: f32) -> f32 { let e = expm132(abs(x)); let r = 0.5 * (e + e / (e + 1.0)); return select(r, -r, x < 0.0); }\n';
const FINITE_WGSL = 'fn bits32(x: f32) -> u32 { return bitcast<u32>(x) & 0x7fffffffu; }\n';

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

const eluJs = (x: number, alpha: number, scale: number, inputScale: number): number =>
  (x > 0 ? scale * x : scale * alpha * Math.expm1(x * inputScale));
const eluWgsl = (alpha: number, scale: number, inputScale: number): string =>
  `  if (x > 0.0) { return ${lit(scale)} * x; }\n  return ${lit(scale)} * ${lit(alpha)} * expm132(x * ${lit(inputScale)});`;

/** x^y for a fixed y: WGSL's pow is only defined for positive x. */
function powWgsl(y: number): string {
  switch (y) {
    case 0: return '1.0';
    case 1: return 'x';
    case 2: return 'x * x';
    case 3: return 'x * x * x';
    case 4: return '(x * x) * (x * x)';
    case 0.5: return 'sqrt(x)';
    case -0.5: return '1.0 / sqrt(x)';
    case -1: return '1.0 / x';
    case -2: return '1.0 / (x * x)';
    default: break;
  }
  const magnitude = `pow(abs(x), ${lit(y)})`;
  if (!Number.isInteger(y)) return `  if (x < 0.0) { return sqrt(x); }\n  return ${magnitude};`;
  return Math.abs(y) % 2 === 1 ? `select(${magnitude}, -${magnitude}, x < 0.0)` : magnitude;
}

const fn = (js: (x: number) => number, wgsl: string, more: Partial<UnaryEntry> = {}): UnaryEntry =>
  ({ params: [], js: () => js, wgsl: () => wgsl, ...more });

const TABLE = {
  identity: fn((x) => x, 'x', { int: () => 'x0' }),
  relu: fn((x) => (x < 0 ? 0 : x), 'select(x, 0.0, x < 0.0)', { int: () => 'max(x0, 0)' }),
  relu6: { params: [], js: () => (x) => clampTo(x, 0, 6), wgsl: () => clampWgsl(0, 6), int: () => 'clamp(x0, 0, 6)' },
  hardtanh: { params: [['min_val', -1], ['max_val', 1]], ...CLAMP },
  clamp: { params: [['min', -Infinity], ['max', Infinity]], ...CLAMP },
  leaky_relu: {
    params: [['negative_slope', 0.01]],
    js: ([slope]) => (x) => (x > 0 ? x : x * slope!),
    wgsl: ([slope]) => `select(x * ${lit(slope!)}, x, x > 0.0)`,
  },
  elu: {
    params: [['alpha', 1], ['scale', 1], ['input_scale', 1]],
    js: ([alpha, scale, inputScale]) => (x) => eluJs(x, alpha!, scale!, inputScale!),
    wgsl: ([alpha, scale, inputScale]) => eluWgsl(alpha!, scale!, inputScale!),
    helpers: EXPM1_WGSL,
  },
  selu: fn((x) => eluJs(x, SELU_ALPHA, SELU_SCALE, 1), eluWgsl(SELU_ALPHA, SELU_SCALE, 1), { helpers: EXPM1_WGSL }),
  celu: {
    params: [['alpha', 1]],
    js: ([alpha]) => (x) => (x > 0 ? x : alpha! * Math.expm1(x / alpha!)),
    wgsl: ([alpha]) => `  if (x > 0.0) { return x; }\n  return ${lit(alpha!)} * expm132(x / ${lit(alpha!)});`,
    helpers: EXPM1_WGSL,
  },
  sigmoid: fn(sigmoid, 'sigmoid32(x)', { helpers: SIGMOID_WGSL }),
  tanh: fn(Math.tanh, 'tanh32(x)', { helpers: TANH_WGSL }),
  gelu: fn(geluErf, '0.5 * x * (1.0 + erf32(x * 0.70710678118))', { helpers: ERF_WGSL }),
  gelu_tanh: fn(
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    '0.5 * x * (1.0 + tanh32(0.79788456080286536 * (x + 0.044715 * x * x * x)))', { helpers: TANH_WGSL }),
  silu: fn((x) => x / sigmoidDivisor(x), 'x * sigmoid32(x)', { helpers: SIGMOID_WGSL }),
  mish: fn((x) => x * Math.tanh(softplus(x)), 'x * tanh32(softplus32(x))', { helpers: TANH_WGSL + SOFTPLUS_WGSL }),
  hardswish: fn((x) => f(x * clampTo(f(x + 3), 0, 6)) / 6, 'x * hardswish_gate(x) / 6.0',
    { helpers: `fn hardswish_gate(v: f32) -> f32 { let x = v + 3.0;\n${clampWgsl(0, 6)}\n}\n` }),
  hardsigmoid: fn((x) => clampTo(f(x + 3), 0, 6) / 6, 'hardsigmoid_gate(x) / 6.0',
    { helpers: `fn hardsigmoid_gate(v: f32) -> f32 { let x = v + 3.0;\n${clampWgsl(0, 6)}\n}\n` }),
  softplus: {
    params: [['beta', 1], ['threshold', 20]],
    js: ([beta, threshold]) => (x) => (x * beta! > threshold! ? x : softplus(x * beta!) / beta!),
    wgsl: ([beta, threshold]) => `  if (x * ${lit(beta!)} > ${lit(threshold!)}) { return x; }\n  return softplus32(x * ${lit(beta!)}) / ${lit(beta!)};`,
    helpers: SOFTPLUS_WGSL,
  },
  logsigmoid: fn((x) => -softplus(-x), '-softplus32(-x)', { helpers: SOFTPLUS_WGSL }),
  softsign: fn((x) => x / (1 + Math.abs(x)), 'x / (1.0 + abs(x))'),
  tanhshrink: fn((x) => x - Math.tanh(x), 'x - tanh32(x)', { helpers: TANH_WGSL }),
  hardshrink: {
    params: [['lambd', 0.5]],
    js: ([l]) => (x) => (x >= -l! && x <= l! ? 0 : x),
    wgsl: ([l]) => `select(x, 0.0, x >= -${lit(l!)} && x <= ${lit(l!)})`,
  },
  softshrink: {
    params: [['lambd', 0.5]],
    js: ([l]) => (x) => (x > l! ? x - l! : x < -l! ? x + l! : x * 0),
    wgsl: ([l]) => `  if (x > ${lit(l!)}) { return x - ${lit(l!)}; }\n  if (x < -${lit(l!)}) { return x + ${lit(l!)}; }\n  return x * 0.0;`,
  },
  threshold: {
    params: [['threshold', 0], ['value', 0]],
    js: ([t, v]) => (x) => (x <= t! ? v! : x),
    wgsl: ([t, v]) => `select(x, ${lit(v!)}, x <= ${lit(t!)})`,
  },
  abs: fn(Math.abs, 'abs(x)', { int: () => 'abs(x0)' }),
  neg: fn((x) => -x, '-x', { int: () => '-x0' }),
  sqrt: fn(Math.sqrt, 'sqrt(x)'),
  rsqrt: fn((x) => 1 / Math.sqrt(x), '1.0 / sqrt(x)'),
  square: fn((x) => x * x, 'x * x', { int: () => 'x0 * x0' }),
  exp: fn(Math.exp, 'exp(x)'),
  expm1: fn(Math.expm1, 'expm132(x)', { helpers: EXPM1_WGSL }),
  exp2: fn((x) => 2 ** x, 'exp2(x)'),
  log: fn(Math.log, 'log(x)'),
  log2: fn(Math.log2, 'log2(x)'),
  log10: fn(Math.log10, 'log(x) * 0.4342944819032518'),
  log1p: fn(Math.log1p, 'log1p32(x)', { helpers: LOG1P_WGSL }),
  pow: { params: [['exponent', 2]], js: ([y]) => (x) => x ** y!, wgsl: ([y]) => powWgsl(y!) },
  reciprocal: fn((x) => 1 / x, '1.0 / x'),
  sin: fn(Math.sin, 'trig32(x, 0)', { helpers: TRIG_WGSL }),
  cos: fn(Math.cos, 'trig32(x, 1)', { helpers: TRIG_WGSL }),
  tan: fn(Math.tan, 'trig32(x, 0) / trig32(x, 1)', { helpers: TRIG_WGSL }),
  atan: fn(Math.atan, 'atan(x)'),
  asin: fn(Math.asin, 'asin32(x)', { helpers: ASIN_WGSL }),
  acos: fn(Math.acos, 'acos32(x)', { helpers: ASIN_WGSL }),
  sinh: fn(Math.sinh, 'sinh32(x)', { helpers: EXPM1_WGSL + SINH_WGSL }),
  cosh: fn(Math.cosh, '0.5 * (exp(x) + exp(-x))'),
  asinh: fn(Math.asinh, 'select(1.0, -1.0, x < 0.0) * log1p32(abs(x) + x * x / (1.0 + sqrt(x * x + 1.0)))', { helpers: LOG1P_WGSL }),
  acosh: fn(Math.acosh, 'log(x + sqrt(x - 1.0) * sqrt(x + 1.0))'),
  atanh: fn(Math.atanh, '0.5 * log1p32(2.0 * x / (1.0 - x))', { helpers: LOG1P_WGSL }),
  floor: fn(Math.floor, 'floor(x)', { int: () => 'x0' }),
  ceil: fn(Math.ceil, 'ceil(x)', { int: () => 'x0' }),
  round: fn(roundHalfEven, 'round(x)', { int: () => 'x0' }),
  trunc: fn(Math.trunc, 'trunc(x)', { int: () => 'x0' }),
  frac: fn((x) => x - Math.trunc(x), 'x - trunc(x)'),
  sign: fn((x) => (x > 0 ? 1 : x < 0 ? -1 : 0), 'select(select(0.0, -1.0, x < 0.0), 1.0, x > 0.0)', { int: () => 'sign(x0)' }),
  erf: fn(erf, 'erf32(x)', { helpers: ERF_WGSL }),
  erfc: fn((x) => 1 - erf(x), '1.0 - erf32(x)', { helpers: ERF_WGSL }),
  logical_not: fn((x) => (x === 0 ? 1 : 0), 'select(0.0, 1.0, x == 0.0)', { int: () => 'select(0, 1, x0 == 0)', bool: true }),
  bitwise_not: fn((x) => ~x, 'x', { int: () => '~x0', intOnly: true }),
  isnan: fn((x) => (Number.isNaN(x) ? 1 : 0), 'select(0.0, 1.0, bits32(x) > 0x7f800000u)', { helpers: FINITE_WGSL, int: () => '0', bool: true }),
  isinf: fn((x) => (x === Infinity || x === -Infinity ? 1 : 0), 'select(0.0, 1.0, bits32(x) == 0x7f800000u)', { helpers: FINITE_WGSL, int: () => '0', bool: true }),
  ...SPECIAL_FUNCTIONS,
} satisfies Record<string, UnaryEntry>;

/** Names of the unary functions, PyTorch's words. */
export type UnaryKind = keyof typeof TABLE;

export const UNARY_TABLE: Readonly<Record<UnaryKind, UnaryEntry>> = TABLE;
