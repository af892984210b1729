import { makeMeta, packedStrides, sameStrides } from '../layout.ts';
import { defineOp, f32, i32, input, output, u32 } from '../op.ts';
import { describeMeta, isQuantized, numel, type HostTensor, type TensorMeta } from '../tensor.ts';
import { badAttribute, broadcastShapes, broadcastStrides, floatInput, shapeMismatch } from './checks.ts';
import type { Uniforms } from './program.ts';
import { KEEP_WGSL, checkQOutput, inverseScale, qInput, qParamsOf, quantizeValue, rawBytes, type QOutput } from './qmath.ts';
import { byteAt, forEachPackedRow, packedProgram, type Operand } from './qwalk.ts';

/** One step on registers; each is exact in float32 on every device, or correctly rounded. */
export interface PointwiseStep {
  readonly op: 'add' | 'sub' | 'mul' | 'relu' | 'neg' | 'abs' | 'clamp';
  /** Registers: the operands, then `numbers`, then the results of earlier steps. clamp takes value, low, high. */
  readonly args: readonly number[];
}

export interface QPointwiseAttrs {
  /** How many of the inputs are operands; a table input follows where one of them is quantized. */
  readonly operands: number;
  readonly numbers: readonly number[];
  /** The last one gives the result; with none it is the last operand. */
  readonly steps: readonly PointwiseStep[];
  readonly output: QOutput;
}

const ARITY: Readonly<Record<PointwiseStep['op'], number>> = { add: 2, sub: 2, mul: 2, relu: 1, neg: 1, abs: 1, clamp: 3 };
/** A GPU of the least limits has eight storage buffers a shader. */
const MOST_OPERANDS = 6;

/**
 * Sums, products and clamps of several tensors with broadcasting, quantized at the end: what dequantize, float ops and quantize do, in one pass. Inputs:
 * operands, quint8, qint8 or float32 in any strides; float32 [k, 256] for the k quantized ones in order: the value of each raw byte, any function of it
 * worked in. Output: packed. Each step rounds to float32, so that the result is that of the ops run one by one.
 */
export const qpointwise = defineOp<QPointwiseAttrs>({
  name: 'qpointwise',
  layouts: (inputs, attrs) => inputs.map((_, i) => (i < attrs.operands ? 'any' : 'contiguous')),
  infer(inputs, attrs) {
    checkQOutput('qpointwise', attrs.output);
    const operands = inputs.slice(0, attrs.operands);
    if (operands.length === 0 || operands.length > MOST_OPERANDS) throw badAttribute('qpointwise', `takes 1 to ${MOST_OPERANDS} operands, got ${operands.length}`);
    const quantized = operands.filter((m) => isQuantized(m.dtype)).length;
    operands.forEach((m, i) => { if (isQuantized(m.dtype)) qInput('qpointwise', inputs, i); else floatInput('qpointwise', inputs, i); });
    const tables = inputs[attrs.operands];
    if (inputs.length !== attrs.operands + (quantized > 0 ? 1 : 0) || (tables && (tables.dtype !== 'float32' || numel(tables.shape) !== 256 * quantized))) {
      throw shapeMismatch('qpointwise', `${quantized} quantized operands need as many tables of 256 float32 values, got ${tables ? describeMeta(tables) : 'none'}`);
    }
    attrs.steps.forEach((s, i) => {
      const known = attrs.operands + attrs.numbers.length + i;
      if (s.args.length !== ARITY[s.op] || s.args.some((r) => r < 0 || r >= known)) throw badAttribute('qpointwise', `step ${i} is ${s.op}(${s.args.join(', ')})`);
    });
    return [makeMeta(attrs.output.dtype, broadcastShapes('qpointwise', ...operands.map((m) => m.shape)), 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const y = outputs[0]!;
    const operands = inputs.slice(0, attrs.operands);
    const walk = operandsOf(operands.map((t) => t.meta), y.meta);
    const run = new Rows(inputs, attrs);
    const out = rawBytes(y);
    if (operands.every((t) => isFlat(t.meta, y.meta))) {
      run.row(out, 0, walk.map(() => 0), Math.min(out.length, ...operands.map((t) => t.data.length)), walk.map(() => 1));
      return;
    }
    forEachPackedRow(y.meta.shape, walk, (place, at, length, steps) => { run.row(out, place, at, length, steps); });
  },
  programs(inputs, outputs, attrs) {
    const y = outputs[0]!;
    if (numel(y.shape) === 0) return [];
    const operands = inputs.slice(0, attrs.operands);
    const o = attrs.output;
    const uniforms: Record<string, Uniforms[string]> = {
      inverse: f32(inverseScale(o.scale)), zeroPoint: i32(o.zeroPoint), low: i32(o.low), high: i32(o.high), zero: u32(0),
    };
    attrs.numbers.forEach((v, i) => { uniforms[`c${i}`] = f32(v); });
    const { text, key } = bodyOf(operands, attrs);
    return [packedProgram({
      label: 'qpointwise', variant: key, output: y, operands: operandsOf(operands, y), uniforms, helpers: KEEP_WGSL,
      bindings: [
        ...operands.map((m, i) => ({ name: `x${i}`, type: isQuantized(m.dtype) ? 'u32' as const : 'f32' as const, buffer: input(i) })),
        ...(inputs.length > operands.length ? [{ name: 'tables', type: 'f32' as const, buffer: input(operands.length) }] : []),
        { name: 'y', type: 'u32', buffer: output(0) },
      ],
      byte: text,
    })];
  },
  ops: (_inputs, outputs, attrs) => numel(outputs[0]!.shape) * (attrs.steps.length + 1),
});

/** Whether a quantized operand lies as the packed output does: then one run covers all. */
function isFlat(m: TensorMeta, y: TensorMeta): boolean {
  return isQuantized(m.dtype) && m.offset === 0 && m.shape.length === y.shape.length && m.shape.every((d, i) => d === y.shape[i])
    && sameStrides(m.shape, m.strides, packedStrides(y.shape));
}

function operandsOf(operands: readonly TensorMeta[], y: TensorMeta): Operand[] {
  return operands.map((m, i) => ({ name: `x${i}`, strides: broadcastStrides(m, y.shape), offset: m.offset }));
}

/** WGSL of the registers and of the byte at the end. */
function bodyOf(operands: readonly TensorMeta[], attrs: QPointwiseAttrs): { text: string; key: string } {
  let table = 0;
  const lines = operands.map((m, i) => `    let r${i} = ${isQuantized(m.dtype) ? `tables[${256 * table++}u + ${byteAt(`x${i}`)}]` : `x${i}[x${i}At]`};`);
  const first = operands.length;
  const register = (r: number): string => (r >= first && r < first + attrs.numbers.length ? `u.c${r - first}` : `r${r}`);
  attrs.steps.forEach((s, i) => {
    const [a, b, c] = s.args.map(register);
    const value = {
      add: `${a} + ${b}`, sub: `${a} - ${b}`, mul: `keep(${a} * ${b})`, relu: `select(${a}, 0.0, ${a} < 0.0)`, neg: `-${a}`, abs: `abs(${a})`,
      clamp: `select(select(${a}, ${c}, ${a} > ${c}), ${b}, ${a} < ${b})`,
    }[s.op];
    lines.push(`    let r${first + attrs.numbers.length + i} = ${value};`);
  });
  const last = attrs.steps.length > 0 ? first + attrs.numbers.length + attrs.steps.length - 1 : first - 1;
  lines.push(`    result = requantize(keep(r${last}) * u.inverse, u.zeroPoint, u.low, u.high);`);
  return { text: lines.join('\n'), key: `${operands.map((m) => (isQuantized(m.dtype) ? 'q' : 'f')).join('')},${attrs.numbers.length},${JSON.stringify(attrs.steps)}` };
}

/** The steps on the host, a stretch of a row at a time, each register an array. */
class Rows {
  static readonly #LENGTH = 2048;
  readonly #attrs: QPointwiseAttrs;
  readonly #sources: { readonly bytes: Uint8Array | null; readonly floats: Float32Array; readonly table: Float32Array }[];
  readonly #registers: Float32Array[];
  readonly #inverse: number;

  constructor(inputs: readonly HostTensor[], attrs: QPointwiseAttrs) {
    this.#attrs = attrs;
    this.#inverse = inverseScale(attrs.output.scale);
    const tables = inputs[attrs.operands]?.data as Float32Array | undefined;
    let quantized = 0;
    this.#sources = inputs.slice(0, attrs.operands).map((t) => {
      if (!isQuantized(t.meta.dtype)) return { bytes: null, floats: t.data as Float32Array, table: new Float32Array(0) };
      const at = 256 * quantized++;
      return { bytes: rawBytes(t), floats: new Float32Array(0), table: tables!.subarray(at, at + 256) };
    });
    this.#registers = Array.from({ length: attrs.operands + attrs.numbers.length + attrs.steps.length }, () => new Float32Array(Rows.#LENGTH));
    attrs.numbers.forEach((v, i) => this.#registers[attrs.operands + i]!.fill(v));
  }

  row(out: Uint8Array, place: number, at: readonly number[], length: number, steps: readonly number[]): void {
    for (let from = 0; from < length; from += Rows.#LENGTH) {
      const n = Math.min(Rows.#LENGTH, length - from);
      this.#sources.forEach((s, i) => { load(s, this.#registers[i]!, at[i]! + from * steps[i]!, steps[i]!, n); });
      this.#attrs.steps.forEach((s, i) => {
        const y = this.#registers[this.#attrs.operands + this.#attrs.numbers.length + i]!;
        compute(s.op, y, s.args.map((r) => this.#registers[r]!), n);
      });
      const result = this.#registers[this.#attrs.steps.length > 0 ? this.#registers.length - 1 : this.#attrs.operands - 1]!;
      const { zeroPoint, low, high } = this.#attrs.output;
      for (let c = 0; c < n; c++) out[place + from + c] = quantizeValue(result[c]!, this.#inverse, zeroPoint, low, high);
    }
  }
}

function load(s: { bytes: Uint8Array | null; floats: Float32Array; table: Float32Array }, to: Float32Array, at: number, step: number, n: number): void {
  const { bytes, floats, table } = s;
  if (bytes) for (let c = 0, i = at; c < n; c++, i += step) to[c] = table[bytes[i]!]!;
  else for (let c = 0, i = at; c < n; c++, i += step) to[c] = floats[i]!;
}

function compute(op: PointwiseStep['op'], y: Float32Array, args: readonly Float32Array[], n: number): void {
  const [a, b, c] = args as [Float32Array, Float32Array, Float32Array];
  switch (op) {
    case 'add': for (let i = 0; i < n; i++) y[i] = a[i]! + b[i]!; break;
    case 'sub': for (let i = 0; i < n; i++) y[i] = a[i]! - b[i]!; break;
    case 'mul': for (let i = 0; i < n; i++) y[i] = a[i]! * b[i]!; break;
    case 'relu': for (let i = 0; i < n; i++) y[i] = a[i]! < 0 ? 0 : a[i]!; break;
    case 'neg': for (let i = 0; i < n; i++) y[i] = -a[i]!; break;
    case 'abs': for (let i = 0; i < n; i++) y[i] = Math.abs(a[i]!); break;
    case 'clamp': for (let i = 0; i < n; i++) { const v = a[i]!; y[i] = v < b[i]! ? b[i]! : v > c[i]! ? c[i]! : v; } break;
  }
}
