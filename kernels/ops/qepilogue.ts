/**
 * What qconv2d and qlinear do with an accumulator before it becomes a byte: requantize, then optionally a unary table, then optionally
 * an add or mul with a second tensor. Each stage rounds to its own qparams, so that the fused form equals the ops run one by one.
 */
import { packedStrides, sameStrides } from '../layout.ts';
import { f32, i32, input, u32 } from '../op.ts';
import { describeMeta, type HostTensor, type TensorMeta } from '../tensor.ts';
import { checkCount, inputAt, shapeMismatch } from './checks.ts';
import type { Binding, Uniforms } from './program.ts';
import { checkQOutput, dequantizeTableFused, inverseScale, oneDnnInputScale, oneDnnOutputInverse, qInput, rawBytes, signedForm, type QInput, type QOutput } from './qmath.ts';

/**
 * How the accumulator is rounded; each step in float32. PyTorch's x86 engine does the one or the other by op, and ties and near ties differ.
 * - `inside` (oneDNN): round((acc * sx * sw + bias) * (1 / sy) + zero_point), with sx and 1 / sy as oneDnnInputScale and oneDnnOutputInverse give them;
 *   requant holds bias and sw.
 * - `combined` (oneDNN where the weights have one scale, there are no groups, and the kernel is larger than 1x1): the same with sx * sw multiplied first;
 *   requant holds bias and sx * sw.
 * - `outside` (FBGEMM): round((acc + bias / (sx * sw)) * (sx * sw / sy)) + zero_point; requant holds bias / (sx * sw) and sx * sw / sy.
 */
export type Rounding = 'inside' | 'combined' | 'outside';

/** What the accumulator is multiplied by before the weight's scale: nothing where the two are one. */
function inputScale(inputs: readonly TensorMeta[], e: Epilogue): number {
  return e.rounding === 'combined' ? 1 : oneDnnInputScale(qInput('', inputs, 0).scale);
}

/** The stages after the accumulator, in this order. */
export interface Epilogue {
  readonly rounding: Rounding;
  /** What the conv or linear itself writes; `low` at the zero point is its relu. */
  readonly output: QOutput;
  /** A unary function as a table (see qtable.makeTable): qparams of its result. */
  readonly table?: QOutput;
  /** A second tensor of the output's shape, joined last. */
  readonly residual?: { readonly op: 'add' | 'mul'; readonly output: QOutput };
}

/** Qparams and range of what comes out at the end. */
export function lastOutput(e: Epilogue): QOutput {
  return e.residual?.output ?? e.table ?? e.output;
}

/** Positions of the epilogue's inputs: requant float32[2, O] (see Rounding), table uint8[256], residual, residual tables float32[2, 256]. */
interface Positions { readonly requant: number; readonly table: number; readonly residual: number; readonly tables: number; readonly count: number }

export function positions(e: Epilogue, first: number): Positions {
  let at = first;
  const requant = at++;
  const table = e.table ? at++ : -1;
  const residual = e.residual ? at++ : -1;
  const tables = e.residual?.op === 'add' ? at++ : -1;
  return { requant, table, residual, tables, count: at };
}

/** Checks the epilogue's inputs against the output's shape. Throws KERNEL_SHAPE_MISMATCH, KERNEL_DTYPE or KERNEL_BAD_ATTRIBUTE. */
export function checkEpilogue(op: string, inputs: readonly TensorMeta[], e: Epilogue, first: number, shape: readonly number[], channels: number): void {
  const at = positions(e, first);
  checkCount(op, inputs, at.count);
  for (const o of [e.output, e.table, e.residual?.output]) if (o) checkQOutput(op, o);
  checkData(op, inputs, at.requant, 'float32', 2 * channels, 'bias and scale of each output channel');
  if (at.table >= 0) checkData(op, inputs, at.table, 'uint8', 256, 'the table of the unary function');
  if (at.tables >= 0) checkData(op, inputs, at.tables, 'float32', 512, 'the dequantized values of both summands');
  if (at.residual >= 0) {
    const r = inputAt(op, inputs, at.residual);
    qInput(op, inputs, at.residual);
    if (r.shape.length !== shape.length || !r.shape.every((d, i) => d === shape[i]) || !sameStrides(r.shape, r.strides, packedStrides(shape))) {
      throw shapeMismatch(op, `the second summand is ${describeMeta(r)}, the output is [${shape.join(', ')}]`, 'Only tensors of equal shape are joined in place.');
    }
  }
}

function checkData(op: string, inputs: readonly TensorMeta[], index: number, dtype: string, length: number, what: string): void {
  const m = inputAt(op, inputs, index);
  if (m.dtype !== dtype || m.shape.reduce((a, b) => a * b, 1) !== length) {
    throw shapeMismatch(op, `input ${index} (${what}) must hold ${length} ${dtype} values, got ${describeMeta(m)}`);
  }
}

/** Both summands' dequantized values by raw byte: the `tables` input of an add. */
export function summandTables(a: QInput, b: QInput): Float32Array {
  const out = new Float32Array(512);
  out.set(dequantizeTableFused(a), 0);
  out.set(dequantizeTableFused(b), 256);
  return out;
}

/** sa * sb / so as PyTorch's mul kernel computes it in float32. */
export function productMultiplier(a: QInput, b: QInput, o: QOutput): number {
  return Math.fround(Math.fround(Math.fround(a.scale) * Math.fround(b.scale)) * inverseScale(o.scale));
}

/** The epilogue on the host: `run` turns a row of accumulators into bytes. */
export class HostEpilogue {
  readonly #e: Epilogue;
  readonly #requant: Float32Array;
  readonly #table: Uint8Array | null;
  readonly #residual: Uint8Array | null;
  readonly #tables: Float32Array | null;
  readonly #product: { flipA: number; zeroA: number; flipB: number; zeroB: number; multiplier: number } | null;
  readonly #channels: number;
  readonly #inverse: number;
  readonly #inputScale: number;

  constructor(inputs: readonly HostTensor[], e: Epilogue, first: number, channels: number) {
    const at = positions(e, first);
    this.#e = e;
    this.#channels = channels;
    this.#inverse = oneDnnOutputInverse(e.output.scale);
    this.#inputScale = inputScale(inputs.map((t) => t.meta), e);
    this.#requant = inputs[at.requant]!.data as Float32Array;
    this.#table = at.table >= 0 ? rawBytes(inputs[at.table]!) : null;
    this.#residual = at.residual >= 0 ? rawBytes(inputs[at.residual]!) : null;
    this.#tables = at.tables >= 0 ? inputs[at.tables]!.data as Float32Array : null;
    this.#product = e.residual?.op === 'mul' ? product(e, qInput('', inputs.map((t) => t.meta), at.residual)) : null;
  }

  /** Writes accumulators of channels `from`..`from + count` to `out` at `place` (where the residual lies too). */
  run(acc: Int32Array, from: number, count: number, out: Uint8Array, place: number): void {
    this.#requantize(acc, from, count, out, place);
    const table = this.#table;
    if (table) for (let c = place; c < place + count; c++) out[c] = table[out[c]!]!;
    if (this.#e.residual) this.#join(this.#e.residual.output, out, place, count);
  }

  #requantize(acc: Int32Array, from: number, count: number, out: Uint8Array, place: number): void {
    const { zeroPoint, low, high } = this.#e.output;
    const requant = this.#requant;
    const channels = this.#channels;
    if (this.#e.rounding === 'outside') {
      for (let c = 0; c < count; c++) {
        const sum = Math.fround(Math.fround(acc[c]!) + requant[from + c]!);
        const v = Math.fround(sum * requant[channels + from + c]!) + 6755399441055744 - 6755399441055744 + zeroPoint;
        out[place + c] = v > low ? (v < high ? v : high) : low;
      }
      return;
    }
    const inverse = this.#inverse;
    const inputScale = this.#inputScale;
    for (let c = 0; c < count; c++) {
      const real = Math.fround(Math.fround(Math.fround(Math.fround(acc[c]!) * inputScale) * requant[channels + from + c]!) + requant[from + c]!);
      const v = Math.fround(Math.fround(real * inverse) + zeroPoint) + 6755399441055744 - 6755399441055744;
      out[place + c] = v > low ? (v < high ? v : high) : low;
    }
  }

  #join(o: QOutput, out: Uint8Array, place: number, count: number): void {
    const residual = this.#residual!;
    const tables = this.#tables;
    const { zeroPoint, low, high } = o;
    if (tables) {
      const inverse = inverseScale(o.scale);
      for (let c = place; c < place + count; c++) {
        const sum = Math.fround(tables[out[c]!]! + tables[256 + residual[c]!]!);
        const v = Math.fround(sum * inverse) + 6755399441055744 - 6755399441055744 + zeroPoint;
        out[c] = v > low ? (v < high ? v : high) : low;
      }
      return;
    }
    const { flipA, zeroA, flipB, zeroB, multiplier } = this.#product!;
    for (let c = place; c < place + count; c++) {
      const a = (((out[c]! ^ flipA) << 24) >> 24) - zeroA;
      const b = (((residual[c]! ^ flipB) << 24) >> 24) - zeroB;
      const v = Math.fround(a * b * multiplier) + 6755399441055744 - 6755399441055744 + zeroPoint;
      out[c] = v > low ? (v < high ? v : high) : low;
    }
  }
}

function product(e: Epilogue, b: QInput): { flipA: number; zeroA: number; flipB: number; zeroB: number; multiplier: number } {
  const a = e.table ?? e.output;
  const sa = signedForm(a);
  const sb = signedForm(b);
  return { flipA: sa.flip, zeroA: sa.zeroPoint, flipB: sb.flip, zeroB: sb.zeroPoint, multiplier: productMultiplier(a, b, e.residual!.output) };
}

/**
 * The epilogue in WGSL, with the same float32 steps: bindings, uniforms and `fn finish(acc: i32, channel: u32, residual: u32) -> u32`, a byte from an
 * accumulator. Needs QUANT_WGSL and KEEP_WGSL before it.
 */
export function wgslEpilogue(inputs: readonly TensorMeta[], e: Epilogue, first: number, channels: number): {
  readonly variant: string; readonly bindings: readonly Binding[]; readonly uniforms: Uniforms; readonly text: string; readonly joins: boolean;
} {
  const at = positions(e, first);
  const bindings: Binding[] = [{ name: 'requant', type: 'f32', buffer: input(at.requant) }];
  const uniforms: Record<string, Uniforms[string]> = {
    channels: u32(channels), zeroPoint: i32(e.output.zeroPoint), low: i32(e.output.low), high: i32(e.output.high),
    inverse: f32(oneDnnOutputInverse(e.output.scale)), inputScale: f32(inputScale(inputs, e)), zero: u32(0),
  };
  const rounding = e.rounding !== 'outside' ? `  let real = keep(keep(f32(acc) * u.inputScale) * requant[u.channels + channel]) + requant[channel];
  var q = requantize(keep(real * u.inverse) + f32(u.zeroPoint), 0, u.low, u.high);\n`
    : '  var q = requantize((f32(acc) + requant[channel]) * requant[u.channels + channel], u.zeroPoint, u.low, u.high);\n';
  let text = `fn finish(acc: i32, channel: u32, residualByte: u32) -> u32 {\n${rounding}`;
  let variant: string = e.rounding;
  if (e.table) {
    bindings.push({ name: 'unaryTable', type: 'u32', buffer: input(at.table) });
    text += '  q = byteOf(unaryTable[q >> 2u], q & 3u);\n';
    variant += ',table';
  }
  if (e.residual) {
    const o = e.residual.output;
    bindings.push({ name: 'residual', type: 'u32', buffer: input(at.residual) });
    Object.assign(uniforms, { joinZeroPoint: i32(o.zeroPoint), joinLow: i32(o.low), joinHigh: i32(o.high) });
    variant += `,${e.residual.op}`;
    if (e.residual.op === 'add') {
      bindings.push({ name: 'summands', type: 'f32', buffer: input(at.tables) });
      uniforms.joinMultiplier = f32(inverseScale(o.scale));
      text += '  q = requantize((summands[q] + summands[256u + residualByte]) * u.joinMultiplier, u.joinZeroPoint, u.joinLow, u.joinHigh);\n';
    } else {
      const p = product(e, qInput('', inputs, at.residual));
      Object.assign(uniforms, { joinMultiplier: f32(p.multiplier), flipA: u32(p.flipA), zeroA: i32(p.zeroA), flipB: u32(p.flipB), zeroB: i32(p.zeroB) });
      text += `  let product = (signedByte(q ^ u.flipA, 0u) - u.zeroA) * (signedByte(residualByte ^ u.flipB, 0u) - u.zeroB);
  q = requantize(f32(product) * u.joinMultiplier, u.joinZeroPoint, u.joinLow, u.joinHigh);\n`;
    }
  }
  return { variant, bindings, uniforms, text: text + '  return q;\n}\n', joins: e.residual !== undefined };
}
