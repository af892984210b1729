import { emptyHost, forEachIndex, makeMeta, toRowMajor } from '../layout.ts';
import { defineOp, f32, i32, input, output } from '../op.ts';
import { integerRange, isFloat, numel, type DType, type HostTensor, type QParams } from '../tensor.ts';
import { badDType, checkCount, floatInput } from './checks.ts';
import { checkQOutput, inverseScale, qParamsOf, quantizeValue, rawBytes, roundHalfEven, type QOutput } from './qmath.ts';
import { forEachPackedRow, packedProgram } from './qwalk.ts';

/**
 * torch.quantize_per_tensor: float of any strides to packed quint8 or qint8. clamp(round(x * (1 / scale)) + zero_point), in float32 as PyTorch's x86
 * kernels have it: they multiply by the inverse.
 */
export const qquantize = defineOp<QOutput>({
  name: 'qquantize',
  layouts: () => ['any'],
  infer(inputs, attrs) {
    checkCount('qquantize', inputs, 1);
    checkQOutput('qquantize', attrs);
    return [makeMeta(attrs.dtype, floatInput('qquantize', inputs, 0).shape, 'packed', qParamsOf(attrs))];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const data = x.data;
    const out = rawBytes(outputs[0]!);
    const inverse = inverseScale(attrs.scale);
    const { zeroPoint, low, high } = attrs;
    forEachPackedRow(x.meta.shape, [{ name: 'x', strides: x.meta.strides, offset: x.meta.offset }], (place, at, length, steps) => {
      let from = at[0]!;
      const step = steps[0]!;
      for (let c = 0; c < length; c++, from += step) out[place + c] = quantizeValue(data[from]!, inverse, zeroPoint, low, high);
    });
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    if (numel(x.shape) === 0) return [];
    return [packedProgram({
      label: 'qquantize.strided',
      output: outputs[0]!,
      operands: [{ name: 'x', strides: x.strides, offset: x.offset }],
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'u32', buffer: output(0) }],
      uniforms: { inverse: f32(inverseScale(attrs.scale)), zeroPoint: i32(attrs.zeroPoint), low: i32(attrs.low), high: i32(attrs.high) },
      byte: '    result = requantize(x[xAt] * u.inverse, u.zeroPoint, u.low, u.high);',
    })];
  },
  ops: (inputs) => 2 * numel(inputs[0]!.shape),
});

/** One qparam for each slice along the axis, or one for all. */
function sliceParams(q: QParams, shape: readonly number[]): { scales: readonly number[]; zeroPoints: readonly number[]; inner: number } {
  if (q.scheme === 'per_tensor_affine') return { scales: [q.scale], zeroPoints: [q.zeroPoint], inner: Infinity };
  const axis = q.axis < 0 ? q.axis + shape.length : q.axis;
  return { scales: q.scales, zeroPoints: q.zeroPoints, inner: numel(shape.slice(axis + 1)) };
}

/**
 * torch.quantize_per_tensor and torch.quantize_per_channel on the host, for weights: contiguous result of quint8, qint8 or qint32.
 * Throws KERNEL_DTYPE where the input is not float.
 */
export function quantizeHost(x: HostTensor, dtype: DType, q: QParams): HostTensor {
  if (!isFloat(x.meta.dtype)) throw badDType('quantize', `cannot quantize ${x.meta.dtype}`);
  const out = emptyHost(makeMeta(dtype, x.meta.shape, 'contiguous', q));
  const values = toRowMajor(x);
  const { scales, zeroPoints, inner } = sliceParams(q, x.meta.shape);
  const inverses = scales.map(inverseScale);
  const [low, high] = integerRange(dtype);
  const n = numel(x.meta.shape);
  for (let i = 0; i < n; i++) {
    const c = inner === Infinity ? 0 : Math.floor(i / inner) % scales.length;
    out.data[i] = quantizeValue(values[i]!, inverses[c]!, zeroPoints[c]!, low, high);
  }
  return out;
}

/** torch.dequantize on the host, per tensor or per channel: contiguous float32. */
export function dequantizeHost(x: HostTensor): HostTensor {
  const q = x.meta.q;
  if (!q) throw badDType('dequantize', `${x.meta.dtype} is not quantized`);
  const out = emptyHost(makeMeta('float32', x.meta.shape));
  const { scales, zeroPoints, inner } = sliceParams(q, x.meta.shape);
  forEachIndex(x.meta, (index, flat) => {
    const c = inner === Infinity ? 0 : Math.floor(flat / inner) % scales.length;
    // Per-channel zero points may be floats in a file; PyTorch rounds them when it quantizes.
    out.data[flat] = Math.fround((x.data[index]! - roundHalfEven(zeroPoints[c]!)) * Math.fround(scales[c]!));
  });
  return out;
}
