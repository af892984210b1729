import { integerRange, type DType } from '../../../../kernels/tensor.ts';
import { makeMeta } from '../../../../kernels/layout.ts';
import { toRowMajor } from '../../../../kernels/layout.ts';
import { TensorData } from '../../../ir/constant.ts';
import { Value } from '../../../ir/graph.ts';
import { float, ints, SCALAR_TYPE, type LowerOp, type OpNode } from '../opNode.ts';
import { dimsOf, dtypeOfValue, knownScalar, numbersOfData, type Dims, type OnnxValue, type QuantInfo, type TensorValue } from '../values.ts';
import { rememberIntegers } from '../quantizedConstants.ts';
import { emitConv, spatialResult } from './convolution.ts';
import { toDtype } from './elementwise.ts';
import { matmul } from './linear.ts';

/** PyTorch's quantized counterpart of an 8-bit type. */
const QUANTIZED: Readonly<Partial<Record<DType, 'quint8' | 'qint8'>>> = { uint8: 'quint8', int8: 'qint8' };

/** Scale and zero point of a node: where they are constants, as numbers. */
interface QParams {
  readonly scale: OnnxValue;
  readonly zeroPoint: OnnxValue | null;
  readonly scales: readonly number[] | null;
  readonly zeroPoints: readonly number[] | null;
}

export function qparams(n: OpNode, scaleInput: number, zeroPointInput: number): QParams {
  const [scale, zeroPoint] = [n.input(scaleInput), n.optional(zeroPointInput)];
  const scales = constants(scale);
  return { scale, zeroPoint, scales, zeroPoints: zeroPoint ? constants(zeroPoint) : scales && scales.map(() => 0) };
}

function constants(v: OnnxValue): readonly number[] | null {
  if (v.kind === 'constant') return v.data.shape.length <= 1 ? numbersOfData(v.data) : null;
  return v.kind === 'host' && v.elements.every((e) => typeof e === 'number') ? v.elements as number[] : null;
}

/** What identifies a quantization, so that a dequantize of the same one is recognized. */
const infoOf = (q: QParams): QuantInfo | null =>
  (q.scales?.length === 1 && q.zeroPoints ? { scale: String(q.scales[0]), zeroPoint: String(q.zeroPoints[0]) } : null);

/** A vector of one number a channel, shaped to broadcast along `axis`. */
function alongAxis(n: OpNode, v: OnnxValue, rank: number, axis: number): Value {
  const x = n.asTensor(v);
  if ((dimsOf(v)?.length ?? 0) === 0 || rank === 0) return x;
  return n.emit('aten::reshape', [x, ints(Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)))]);
}

/** The zero point's type says the result's; it is uint8 without one. */
export function quantizeTo(n: OpNode, x: Value, dims: Dims, q: QParams, axis: number): TensorValue {
  const dtype: DType = q.zeroPoint ? dtypeOfValue(q.zeroPoint) : 'uint8';
  const kind = QUANTIZED[dtype];
  if (!kind) throw n.unsupported(`it quantizes to ${dtype}`);
  const info = infoOf(q);
  if (info) {
    const value = n.emit('aten::quantize_per_tensor', [x, float(q.scales![0]!), q.zeroPoints![0]!, SCALAR_TYPE[kind]]);
    return n.out(value, dims, dtype, info);
  }
  const rank = dims?.length;
  if (rank === undefined) throw n.unsupported('the rank of its input is not known');
  // round(x / scale) + zero_point, clamped: the integers themselves.
  const [low, high] = integerRange(dtype);
  const steps = n.emit('aten::round', [n.emit('aten::div', [x, alongAxis(n, q.scale, rank, axis)])]);
  const moved = q.zeroPoint ? n.emit('aten::add', [steps, toDtype(n, alongAxis(n, q.zeroPoint, rank, axis), 'float32'), 1]) : steps;
  return n.out(toDtype(n, n.emit('aten::clamp', [moved, float(low), float(high)]), dtype), dims, dtype);
}

/** Integers of the file and their constant scales as the floats that they stand for, computed when first used. */
function dequantizedConstant(data: TensorData, scales: readonly number[], zeroPoints: readonly number[], axis: number): TensorData {
  const { shape } = data;
  const inner = shape.slice(axis + 1).reduce((p, d) => p * d, 1);
  const channels = scales.length === 1 ? 1 : shape[axis]!;
  const floats = new TensorData('float32', shape, () => {
    const q = toRowMajor(data.host());
    const out = new Float32Array(Math.max(1, q.length));
    for (let i = 0; i < q.length; i++) {
      const c = channels === 1 ? 0 : Math.floor(i / inner) % channels;
      out[i] = (q[i]! - (zeroPoints[c] ?? zeroPoints[0] ?? 0)) * Math.fround(scales[c]!);
    }
    return { meta: makeMeta('float32', shape, 'contiguous'), data: out };
  });
  rememberIntegers(floats, { data, scales: scales.map(Math.fround), zeroPoints, axis });
  return floats;
}

/** (x - zero_point) * scale. What QuantizeLinear made with the same numbers is PyTorch's aten::dequantize. */
export function dequantize(n: OpNode, v: OnnxValue, q: QParams, axis: number): OnnxValue {
  const info = infoOf(q);
  if (v.kind === 'tensor' && v.quantized && info?.scale === v.quantized.scale && info.zeroPoint === v.quantized.zeroPoint) {
    return n.out(n.emit('aten::dequantize', [v.value]), v.dims, 'float32');
  }
  const dims = dimsOf(v);
  if (v.kind === 'constant' && q.scales && q.zeroPoints) {
    if (q.scales.length !== 1 && v.data.shape[axis] !== q.scales.length) throw n.invalid(`${q.scales.length} scales are given for ${v.data.shape[axis] ?? 0} channels`);
    return { kind: 'constant', data: dequantizedConstant(v.data, q.scales, q.zeroPoints, axis), name: v.name };
  }
  const rank = dims?.length;
  if (rank === undefined) throw n.unsupported('the rank of its input is not known');
  const real = toDtype(n, n.asTensor(v), 'float32');
  const moved = q.zeroPoint ? n.emit('aten::sub', [real, toDtype(n, alongAxis(n, q.zeroPoint, rank, axis), 'float32'), 1]) : real;
  return n.out(n.emit('aten::mul', [moved, alongAxis(n, q.scale, rank, axis)]), dims, 'float32');
}

const axisOf = (n: OpNode): number => {
  if (n.int('block_size', 0) !== 0) throw n.unsupported('it quantizes in blocks');
  const rank = n.dims()?.length ?? 0;
  const axis = n.int('axis', 1);
  return Math.max(0, axis < 0 ? axis + rank : axis);
};

/** The tensor that a quantized operand stands for. */
function real(n: OpNode, at: number, scaleAt: number, zeroPointAt: number, axis = 0): { readonly dims: Dims; readonly source: OnnxValue } {
  const source = dequantize(n, n.input(at), qparams(n, scaleAt, zeroPointAt), axis);
  return { dims: dimsOf(source), source };
}

/** An int32 bias at the scale of alpha * input * weight. */
export function biasOf(n: OpNode, bias: OnnxValue, inputScale: OnnxValue, weightScale: OnnxValue, alpha = 1): OnnxValue {
  const [xScale, wScales] = [knownScalar(inputScale), constants(weightScale)];
  if (bias.kind !== 'constant' || xScale === null || !wScales) throw n.unsupported('its bias or scales are computed by the model');
  const scales = wScales.map((s) => Math.fround(Math.fround(Math.fround(s) * Math.fround(xScale)) * alpha));
  return { kind: 'constant', data: dequantizedConstant(bias.data, scales, [0], 0), name: bias.name };
}

/** Dequantize, convolve, quantize: the fusing pass makes one quantized::conv2d of it. The bias is int32 with scale x_scale * w_scale. */
const qLinearConv: LowerOp = (n) => {
  const x = real(n, 0, 1, 2);
  const w = real(n, 3, 4, 5);
  const bias = n.optional(8) ? n.asTensor(biasOf(n, n.input(8), n.input(1), n.input(4))) : null;
  const weightDims = w.dims;
  if (!weightDims || weightDims.length < 3) throw n.unsupported('the sizes of its weight are not known');
  const y = emitConv(n, n.asTensor(x.source), x.dims, n.asTensor(w.source), bias, weightDims);
  return quantizeTo(n, y, spatialResult(x.dims, weightDims[0]!, weightDims.length - 2), qparams(n, 6, 7), 1);
};

const qLinearMatMul: LowerOp = (n) => {
  const [a, b] = [real(n, 0, 1, 2), real(n, 3, 4, 5, n.dims(3) ? n.dims(3)!.length - 1 : 0)];
  const y = matmul(n.withInputs([a.source, b.source])) as OnnxValue;
  return quantizeTo(n, n.asTensor(y), dimsOf(y), qparams(n, 6, 7), 0);
};

/** Integers minus their zero point, as floats: exact up to 2^24. */
function centred(n: OpNode, at: number, zeroPointAt: number, axis: number): Value {
  const x = toDtype(n, n.value(at), 'float32');
  const zero = n.optional(zeroPointAt);
  if (!zero || knownScalar(zero) === 0) return x;
  return n.emit('aten::sub', [x, toDtype(n, alongAxis(n, zero, n.rank(at), axis), 'float32'), 1]);
}

const matMulInteger: LowerOp = (n) => {
  const [a, b] = [centred(n, 0, 2, n.rank(0) - 2), centred(n, 1, 3, n.rank(1) - 1)];
  const [x, y] = [n.dims(0)!, n.dims(1)!];
  return n.out(toDtype(n, n.emit('aten::matmul', [a, b]), 'int32'), [...x.slice(0, -1), y.at(-1) ?? null], 'int32');
};

const convInteger: LowerOp = (n) => {
  const [x, w] = [centred(n, 0, 2, 0), centred(n, 1, 3, 0)];
  return n.out(toDtype(n, emitConv(n, x, n.dims(), w, null, n.dims(1)), 'int32'), spatialResult(n.dims(), n.dims(1)?.[0] ?? null, n.rank() - 2), 'int32');
};

/** uint8 with a range that always holds zero, worked out from the data. */
const dynamicQuantize: LowerOp = (n) => {
  const x = n.value(0);
  const low = n.emit('aten::clamp', [n.emit('aten::min', [x]), null, float(0)]);
  const high = n.emit('aten::clamp', [n.emit('aten::max', [x]), float(0), null]);
  const scale = n.emit('aten::div', [n.emit('aten::sub', [high, low, 1]), float(255)]);
  const zero = n.emit('aten::clamp', [n.emit('aten::round', [n.emit('aten::neg', [n.emit('aten::div', [low, scale])])]), float(0), float(255)]);
  const q = n.emit('aten::clamp', [n.emit('aten::add', [n.emit('aten::round', [n.emit('aten::div', [x, scale])]), zero, 1]), float(0), float(255)]);
  return [n.out(toDtype(n, q, 'uint8'), n.dims(), 'uint8'), n.out(scale, [], 'float32'), n.out(toDtype(n, zero, 'uint8'), [], 'uint8')];
};

export const quantizeOps: Readonly<Record<string, LowerOp>> = {
  QuantizeLinear: (n) => quantizeTo(n, n.value(0), n.dims(), qparams(n, 1, 2), axisOf(n)),
  DequantizeLinear: (n) => dequantize(n, n.input(0), qparams(n, 1, 2), axisOf(n)),
  QLinearConv: qLinearConv, QLinearMatMul: qLinearMatMul, MatMulInteger: matMulInteger, ConvInteger: convInteger, DynamicQuantizeLinear: dynamicQuantize,
};
