import { makeMeta } from '../layout.ts';
import { defineOp, input, output } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, inputAt, shapeMismatch } from './checks.ts';
import { flatProgram } from './program.ts';
import {
  QUANT_WGSL, checkQOutput, dequantizeTableFused, elementwiseLayout, elementwiseMeta, inverseScale, qInput, qParamsOf, quantizeValue, rawBytes,
  type QInput, type QOutput,
} from './qmath.ts';
import { byteAt, forEachPackedRow, packedProgram, type Operand } from './qwalk.ts';
import { unaryFunction, type UnaryAttrs } from './unary.ts';

export interface QTableAttrs {
  readonly output: QOutput;
  /** The dimension whose slices have a table each; without it one table serves all. */
  readonly channelDim?: number;
}

/**
 * A function of one 8-bit value, as a table of the result's byte for each raw byte of the input. Inputs: x quint8/qint8; uint8 [256], or [C, 256] with
 * `channelDim`. Any unary function, and batch_norm and prelu, whose functions differ by channel.
 */
export const qtable = defineOp<QTableAttrs>({
  name: 'qtable',
  layouts: (inputs, attrs) => [attrs.channelDim === undefined ? elementwiseLayout(inputAt('qtable', inputs, 0)) : 'any', 'contiguous'],
  infer(inputs, attrs) {
    checkCount('qtable', inputs, 2);
    checkQOutput('qtable', attrs.output);
    qInput('qtable', inputs, 0);
    const x = inputs[0]!;
    const table = inputs[1]!;
    const d = attrs.channelDim;
    if (d !== undefined && !(Number.isInteger(d) && d >= 0 && d < x.shape.length)) throw badAttribute('qtable', `dim ${d} is out of range for ${describeMeta(x)}`);
    const tables = d === undefined ? 1 : x.shape[d]!;
    if (table.dtype !== 'uint8' || numel(table.shape) !== 256 * tables) {
      throw shapeMismatch('qtable', `${describeMeta(x)} needs ${tables} tables of 256 uint8 values, got ${describeMeta(table)}`);
    }
    if (d === undefined) return [elementwiseMeta(x, attrs.output)];
    return [makeMeta(attrs.output.dtype, x.shape, 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const x = rawBytes(inputs[0]!);
    const table = rawBytes(inputs[1]!);
    const out = rawBytes(outputs[0]!);
    if (attrs.channelDim === undefined) {
      const n = Math.min(x.length, out.length);
      for (let i = 0; i < n; i++) out[i] = table[x[i]!]!;
      return;
    }
    forEachPackedRow(inputs[0]!.meta.shape, operandsOf(inputs[0]!.meta, attrs.channelDim), (place, at, length, steps) => {
      let from = at[0]!;
      let base = at[1]!;
      for (let c = 0; c < length; c++, from += steps[0]!, base += steps[1]!) out[place + c] = table[base + x[from]!]!;
    });
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const y = outputs[0]!;
    if (numel(x.shape) === 0) return [];
    const bindings = [
      { name: 'x', type: 'u32' as const, buffer: input(0) }, { name: 'functions', type: 'u32' as const, buffer: input(1) },
      { name: 'y', type: 'u32' as const, buffer: output(0) },
    ];
    if (attrs.channelDim === undefined) {
      const last = y.shape.reduce((sum, d, i) => sum + (d - 1) * y.strides[i]!, 0);
      return [flatProgram({
        label: 'qtable.flat',
        bindings,
        invocations: Math.floor(last / 4) + 1,
        helpers: () => `${QUANT_WGSL}fn look(b: u32) -> u32 { return byteOf(functions[b >> 2u], b & 3u); }\n`,
        body: () => `  let v = x[i];
  y[i] = look(byteOf(v, 0u)) | (look(byteOf(v, 1u)) << 8u) | (look(byteOf(v, 2u)) << 16u) | (look(byteOf(v, 3u)) << 24u);`,
      })];
    }
    return [packedProgram({
      label: 'qtable.channels',
      output: y,
      operands: operandsOf(x, attrs.channelDim),
      bindings,
      byte: `    let b = u32(functionsAt) + ${byteAt('x')};\n    result = byteOf(functions[b >> 2u], b & 3u);`,
    })];
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});

/** x, and the start of the table that its channel takes. */
function operandsOf(x: TensorMeta, channelDim: number): Operand[] {
  return [
    { name: 'x', strides: x.strides, offset: x.offset },
    { name: 'functions', strides: x.shape.map((_, d) => (d === channelDim ? 256 : 0)), offset: 0 },
  ];
}

/** A table of any function of the real value: dequantize, apply in double, round to float32, quantize. */
export function tableOf(f: (x: number) => number, from: QInput, to: QOutput): Uint8Array {
  const inverse = inverseScale(to.scale);
  return Uint8Array.from(dequantizeTableFused(from), (x) => quantizeValue(Math.fround(f(x)), inverse, to.zeroPoint, to.low, to.high) & 255);
}

/** The table of a unary function between two qparams, rounded as PyTorch's quantized kernels round. */
export function makeTable(attrs: UnaryAttrs, from: QInput, to: QOutput): Uint8Array {
  return tableOf(unaryFunction(attrs), from, to);
}

/** The table that requantizes raw bytes from one pair of qparams to another; equal ones give the identity. */
export function requantizeTable(from: QInput, to: QOutput): Uint8Array {
  if (from.dtype === to.dtype && Math.fround(from.scale) === Math.fround(to.scale) && from.zeroPoint === to.zeroPoint) {
    return Uint8Array.from({ length: 256 }, (_, byte) => {
      const stored = from.dtype === 'qint8' ? (byte << 24) >> 24 : byte;
      return Math.min(Math.max(stored, to.low), to.high) & 255;
    });
  }
  return tableOf((x) => x, from, to);
}
