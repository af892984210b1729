/**
 * A function of two numbers, twice for floats and twice for integers. The WGSL is an expression of `a` and `b` (f32 or i32) or of helper
 * functions; `boolean` kinds give 0 or 1 as i32 and are stored as bool.
 */
export interface BinaryEntry {
  readonly js: (a: number, b: number) => number;
  readonly wgsl: string;
  readonly intJs?: (a: number, b: number) => number;
  /** Missing: the kind does not take integers. */
  readonly intWgsl?: string;
  readonly boolean?: boolean;
  /** Only integers and bools. */
  readonly intOnly?: boolean;
}

/** Python's floor division, exact for float32 arguments (PyTorch's div_floor_floating). */
function floorDivide(a: number, b: number): number {
  if (b === 0) return a / b;
  const mod = a % b;
  let q = (a - mod) / b;
  if (mod !== 0 && b < 0 !== mod < 0) q -= 1;
  return q === 0 ? q : Math.round(q);
}

/** Python's modulo: the sign of the divisor. */
function remainder(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

/** Integer power by squaring, wrapping at 32 bits; negative exponents give 0 but for bases 1 and -1. */
function intPower(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  let base = a;
  for (let e = b; e > 0; e = Math.floor(e / 2)) {
    if (e % 2 === 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}

/** WGSL functions of the expressions below, each after those that it calls. Division in WGSL may be off by an ulp: the remainder puts the quotient right. */
const HELPERS: Readonly<Record<string, string>> = {
  divFloor: `fn divFloor(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return a / b; }
  var q = floor(a / b);
  let r = fma(-q, b, a);
  if (r != 0.0 && (r < 0.0) != (b < 0.0)) { q -= 1.0; }
  else if (abs(r) >= abs(b)) { q += 1.0; }
  return q;
}
`,
  modTrunc: `fn modTrunc(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return (a - a) / b; }
  var r = fma(-trunc(a / b), b, a);
  if (abs(r) >= abs(b)) { r -= select(-abs(b), abs(b), r > 0.0); }
  if (r != 0.0 && (r < 0.0) != (a < 0.0)) { r += select(-abs(b), abs(b), a >= 0.0); }
  return r;
}
`,
  modFloor: `fn modFloor(a: f32, b: f32) -> f32 {
  let r = modTrunc(a, b);
  return select(r, r + b, r != 0.0 && (r < 0.0) != (b < 0.0));
}
`,
  power: `fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (b == 1.0) { return a; }
  if (b == 2.0) { return a * a; }
  if (a == 0.0) { return select(1.0 / abs(a), 0.0, b > 0.0); }
  if (a > 0.0) { return pow(a, b); }
  if (b != floor(b)) { return sqrt(a); }
  let m = pow(-a, b);
  return select(m, -m, abs(b) % 2.0 == 1.0);
}
`,
  intDivFloor: `fn intDivFloor(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  let q = a / b;
  return select(q, q - 1, q * b != a && ((a < 0) != (b < 0)));
}
`,
  intModFloor: `fn intModFloor(a: i32, b: i32) -> i32 { return a - intDivFloor(a, b) * b; }
`,
  intPower: `fn intPower(a: i32, b: i32) -> i32 {
  if (b < 0) { return select(select(0, select(-1, 1, (b & 1) == 0), a == -1), 1, a == 1); }
  var result = 1;
  var base = a;
  for (var e = b; e > 0; e = e >> 1u) {
    if ((e & 1) == 1) { result *= base; }
    base *= base;
  }
  return result;
}
`,
};

/** The helper functions that an expression needs, ready to be declared. */
export function binaryHelpers(expression: string): string {
  const used = new Set<string>();
  const visit = (text: string): void => {
    for (const name of Object.keys(HELPERS)) {
      if (!used.has(name) && text.includes(`${name}(`)) { used.add(name); visit(HELPERS[name]!); }
    }
  };
  visit(expression);
  return Object.keys(HELPERS).filter((name) => used.has(name)).map((name) => HELPERS[name]).join('');
}

const compare = (js: (a: number, b: number) => boolean, sign: string): BinaryEntry => ({
  js: (a, b) => (js(a, b) ? 1 : 0), wgsl: `select(0, 1, a ${sign} b)`, intWgsl: `select(0, 1, a ${sign} b)`, boolean: true,
});
const logical = (js: (a: boolean, b: boolean) => boolean, sign: string): BinaryEntry => ({
  js: (a, b) => (js(a !== 0, b !== 0) ? 1 : 0), wgsl: `select(0, 1, (a != 0.0) ${sign} (b != 0.0))`, intWgsl: `select(0, 1, (a != 0) ${sign} (b != 0))`, boolean: true,
});
const bitwise = (js: (a: number, b: number) => number, intWgsl: string): BinaryEntry => ({ js, wgsl: 'a', intWgsl, intOnly: true });

const TABLE = {
  add: { js: (a, b) => a + b, wgsl: 'a + b', intWgsl: 'a + b' },
  sub: { js: (a, b) => a - b, wgsl: 'a - b', intWgsl: 'a - b' },
  mul: { js: (a, b) => a * b, wgsl: 'a * b', intJs: Math.imul, intWgsl: 'a * b' },
  div: { js: (a, b) => a / b, wgsl: 'a / b' },
  div_floor: { js: floorDivide, wgsl: 'divFloor(a, b)', intJs: (a, b) => (b === 0 ? 0 : Math.floor(a / b)), intWgsl: 'intDivFloor(a, b)' },
  div_trunc: { js: (a, b) => Math.trunc(a / b), wgsl: 'trunc(a / b)', intJs: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)), intWgsl: 'select(a / b, 0, b == 0)' },
  remainder: { js: remainder, wgsl: 'modFloor(a, b)', intJs: (a, b) => (b === 0 ? a : remainder(a, b)), intWgsl: 'intModFloor(a, b)' },
  fmod: { js: (a, b) => a % b, wgsl: 'modTrunc(a, b)', intJs: (a, b) => (b === 0 ? a : a % b), intWgsl: 'select(a % b, a, b == 0)' },
  pow: { js: (a, b) => a ** b, wgsl: 'power(a, b)', intJs: intPower, intWgsl: 'intPower(a, b)' },
  maximum: { js: (a, b) => (a > b || a !== a ? a : b), wgsl: 'select(b, a, a > b || a != a)', intWgsl: 'max(a, b)' },
  minimum: { js: (a, b) => (a < b || a !== a ? a : b), wgsl: 'select(b, a, a < b || a != a)', intWgsl: 'min(a, b)' },
  prelu: { js: (a, b) => (a > 0 ? a : a * b), wgsl: 'select(a * b, a, a > 0.0)' },
  atan2: { js: Math.atan2, wgsl: 'atan2(a, b)' },
  eq: compare((a, b) => a === b, '=='),
  ne: compare((a, b) => a !== b, '!='),
  lt: compare((a, b) => a < b, '<'),
  le: compare((a, b) => a <= b, '<='),
  gt: compare((a, b) => a > b, '>'),
  ge: compare((a, b) => a >= b, '>='),
  logical_and: logical((a, b) => a && b, '&&'),
  logical_or: logical((a, b) => a || b, '||'),
  logical_xor: logical((a, b) => a !== b, '!='),
  bitwise_and: bitwise((a, b) => a & b, 'a & b'),
  bitwise_or: bitwise((a, b) => a | b, 'a | b'),
  bitwise_xor: bitwise((a, b) => a ^ b, 'a ^ b'),
  bitwise_left_shift: bitwise((a, b) => a << b, 'a << u32(b)'),
  bitwise_right_shift: bitwise((a, b) => a >> b, 'a >> u32(b)'),
} satisfies Record<string, BinaryEntry>;

/** Names of the binary functions: PyTorch's words; div with a rounding mode is div_floor and div_trunc. */
export type BinaryKind = keyof typeof TABLE;

export const BINARY_TABLE: Readonly<Record<BinaryKind, BinaryEntry>> = TABLE;
