import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32 } from '../op.ts';
import { elementBytes, isFloat, isQuantized, numel, type DType } from '../tensor.ts';
import { wgslType } from '../wgsl.ts';
import { badDType, checkCount, inputAt } from './checks.ts';
import { flatProgram } from './program.ts';

/** Attributes of `cast`: the dtype to convert to. */
export interface CastAttrs { readonly dtype: DType }

/**
 * Tensor.to(dtype), with PyTorch's rules: floats become integers by truncation, narrow integers wrap around, anything but zero is true,
 * float16 and bfloat16 round to the nearest even. int64 is stored in 32 bits: larger values saturate, and NaN becomes 0.
 * Quantized tensors are not converted here: see `quantize` and `dequantize`.
 */
export const cast = defineOp<CastAttrs>({
  name: 'cast',
  infer(inputs, attrs) {
    checkCount('cast', inputs, 1);
    const x = inputAt('cast', inputs, 0);
    if (isQuantized(x.dtype) || isQuantized(attrs.dtype)) {
      throw badDType('cast', `cannot convert ${x.dtype} to ${attrs.dtype}`, 'Use quantize or dequantize.');
    }
    return [makeMeta(attrs.dtype, x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const y = outputs[0]!.data;
    const n = numel(x.meta.shape);
    const convert = converter(x.meta.dtype, attrs.dtype);
    if (convert) {
      for (let i = 0; i < n; i++) y[i] = convert(x.data[i]!);
    } else {
      y.set(x.data.subarray(0, n));
    }
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const n = numel(x.shape);
    if (n === 0) return [];
    const from = x.dtype;
    const to = attrs.dtype;
    const narrow = elementBytes(to) === 1;
    const load = elementBytes(from) === 4 ? 'x[k]'
      : from === 'int8' ? 'extractBits(i32(x[k / 4u]), (k % 4u) * 8u, 8u)' : 'i32(extractBits(x[k / 4u], (k % 4u) * 8u, 8u))';
    return [flatProgram({
      label: 'cast.elementwise',
      variant: `${from}->${to}`,
      bindings: [{ name: 'x', type: wgslType(from), buffer: input(0) }, { name: 'y', type: wgslType(to), buffer: output(0) }],
      uniforms: { total: u32(n) },
      invocations: narrow ? Math.ceil(n / 4) : n,
      helpers: () => `${ROUNDING}fn at(k: u32) -> ${wgslType(to) === 'f32' ? 'f32' : 'i32'} {
  let v = ${load};
  return ${convertWgsl(from, to)};
}
`,
      body: () => narrow ? `  var word = 0u;
  for (var b = 0u; b < 4u; b++) {
    let k = i * 4u + b;
    if (k < u.total) { word |= (u32(at(k)) & 255u) << (b * 8u); }
  }
  y[i] = word;` : '  y[i] = at(i);',
    })];
  },
});

/** What turns an element into the new dtype's stored value, or null where a typed array's own conversion does. */
function converter(from: DType, to: DType): ((v: number) => number) | null {
  switch (to) {
    case 'bool': return (v) => (v !== 0 ? 1 : 0);
    case 'float16': return from === 'float16' ? null : roundToFloat16;
    case 'bfloat16': return from === 'bfloat16' ? null : roundToBfloat16;
    case 'float32': case 'float64': return null;
    case 'int16': return (v) => (saturate(v) << 16) >> 16;
    default: return isFloat(from) ? saturate : null;
  }
}

const saturate = (v: number): number => (v >= 2147483647 ? 2147483647 : v <= -2147483648 ? -2147483648 : Math.trunc(v) | 0);

const floatBits = new Float32Array(1);
const wordBits = new Uint32Array(floatBits.buffer);

/** The nearest bfloat16, ties to even, as a float32. */
export function roundToBfloat16(v: number): number {
  if (Number.isNaN(v)) return v;
  floatBits[0] = v;
  const w = wordBits[0]!;
  wordBits[0] = (w + 0x7fff + ((w >>> 16) & 1)) & 0xffff0000;
  return floatBits[0]!;
}

/** The nearest float16, ties to even, as a float32; beyond 65,504 it is infinite. */
export function roundToFloat16(v: number): number {
  floatBits[0] = v;
  const x = floatBits[0]!;
  const magnitude = Math.abs(x);
  if (!Number.isFinite(x)) return x;
  if (magnitude >= 65520) return x > 0 ? Infinity : -Infinity;
  // Below 2^-14 the spacing is a fixed 2^-24; adding and taking away 1.5 * 2^(52 - 24) rounds a double to it.
  if (magnitude < 2 ** -14) { const shift = 1.5 * 2 ** 28; return x < 0 || Object.is(x, -0) ? -((magnitude + shift) - shift) : (x + shift) - shift; }
  const w = wordBits[0]!;
  wordBits[0] = (w + 0xfff + ((w >>> 13) & 1)) & 0xffffe000;
  return floatBits[0]!;
}

/** The same roundings on the bits of a float32 in WGSL. */
const ROUNDING = `fn toBfloat16(v: f32) -> f32 {
  let w = bitcast<u32>(v);
  if ((w & 0x7f800000u) == 0x7f800000u) { return v; }
  return bitcast<f32>((w + 0x7fffu + ((w >> 16u) & 1u)) & 0xffff0000u);
}
fn toFloat16(v: f32) -> f32 {
  let w = bitcast<u32>(v);
  if ((w & 0x7f800000u) == 0x7f800000u) { return v; }
  let magnitude = abs(v);
  if (magnitude >= 65520.0) { return bitcast<f32>((w & 0x80000000u) | 0x7f800000u); }
  if (magnitude < 6.103515625e-05) { return sign(v) * (round(magnitude * 16777216.0) / 16777216.0); }
  return bitcast<f32>((w + 0xfffu + ((w >> 13u) & 1u)) & 0xffffe000u);
}
`;

/** WGSL expression that converts `v`, an f32 or an i32, to the stored value of a dtype. */
function convertWgsl(from: DType, to: DType): string {
  if (from === to) return 'v';
  const float = isFloat(from);
  const zero = float ? '0.0' : '0';
  const whole = float ? 'select(i32(v), 0, v != v)' : 'v';
  switch (to) {
    case 'bool': return `select(0, 1, v != ${zero})`;
    case 'float16': return `toFloat16(${float ? 'v' : 'f32(v)'})`;
    case 'bfloat16': return `toBfloat16(${float ? 'v' : 'f32(v)'})`;
    case 'float32': case 'float64': return float ? 'v' : 'f32(v)';
    case 'int16': return `(${whole} << 16u) >> 16u`;
    default: return whole;
  }
}
