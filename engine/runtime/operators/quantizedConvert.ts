import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { qdequantize } from '../../../kernels/ops/qdequantize.ts';
import { qOutput, type QType } from '../../../kernels/ops/qmath.ts';
import { dequantizeHost, qquantize, quantizeHost } from '../../../kernels/ops/qquantize.ts';
import { isQuantized, perTensorQ, type DType, type HostTensor, type QParams, type TensorMeta } from '../../../kernels/tensor.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import { isTensor, type Args, type RuntimeValue } from '../value.ts';
import { remember } from './quantizedParams.ts';
import { badArgument, dtypeOf } from './support.ts';

/** torch.quantize_per_tensor. On the device for quint8 and qint8, on the host for qint32. */
export function quantizePerTensor(ctx: OpContext, x: Tensor, scale: number, zeroPoint: number, dtype: DType): Tensor | Promise<Tensor> {
  if (dtype === 'quint8' || dtype === 'qint8') return ctx.run(qquantize, [x], qOutput(dtype as QType, scale, zeroPoint))[0]!;
  if (dtype !== 'qint32') throw badArgument('aten::quantize_per_tensor', `cannot quantize to ${dtype}`, 'Use quint8, qint8 or qint32.');
  return onHost(ctx, x, (host) => quantizeHost(host, dtype, { scheme: 'per_tensor_affine', scale, zeroPoint }));
}

/** torch.dequantize: per-tensor 8-bit tensors on the device, others (weights) on the host. A float tensor stays as it is. */
export function dequantize(ctx: OpContext, x: Tensor): Tensor | Promise<Tensor> {
  if (!isQuantized(x.meta.dtype)) return x;
  if (x.meta.dtype !== 'qint32' && x.meta.q?.scheme === 'per_tensor_affine') return ctx.run(qdequantize, [x], {})[0]!;
  return onHost(ctx, x, dequantizeHost);
}

async function onHost(ctx: OpContext, x: Tensor, compute: (host: HostTensor) => HostTensor): Promise<Tensor> {
  const host = await ctx.read(x);
  return ctx.constant(remember(host.data, `${ctx.node.kind} ${JSON.stringify(x.meta)}`, () => compute(host)));
}

/** A small tensor's values on the host; a list, as converted graphs have for constant qparams, is one already. */
async function values(ctx: OpContext, v: RuntimeValue): Promise<number[]> {
  if (Array.isArray(v)) return v as number[];
  const t = v as Tensor;
  return Array.from((await ctx.read(ctx.toLayout(t, 'contiguous'))).data.slice(0, t.meta.shape.reduce((a, b) => a * b, 1)));
}

const listOrTensor = (a: Args, i: number): RuntimeValue => (Array.isArray(a.any(i)) ? a.numbers(i) : a.tensor(i));

async function dequantizeNested(ctx: OpContext, v: RuntimeValue): Promise<RuntimeValue> {
  if (isTensor(v)) return dequantize(ctx, v);
  if (!Array.isArray(v)) return v;
  const out: RuntimeValue[] = [];
  for (const e of v) out.push(await dequantizeNested(ctx, e));
  return out;
}

/** Per-channel qparams. Throws RUNTIME_ARGUMENT for a per-tensor tensor. */
function perChannel(a: Args): Extract<QParams, { scheme: 'per_channel_affine' }> {
  const { q } = a.tensor(0).meta;
  if (q?.scheme !== 'per_channel_affine') throw badArgument(a.op, 'the tensor is not quantized per channel');
  return q;
}

/** The stored integers of a quantized tensor under its plain dtype: no copy. */
function intRepr(ctx: OpContext, t: Tensor): Tensor {
  const plain: Partial<Record<DType, DType>> = { quint8: 'uint8', qint8: 'int8', qint32: 'int32' };
  const dtype = plain[t.meta.dtype];
  if (!dtype) throw new QuantbenchError('RUNTIME_DTYPE', `aten::int_repr: ${t.meta.dtype} is not quantized`, 'Quantize the tensor first.');
  const { shape, strides, offset } = t.meta;
  return ctx.view(t, { dtype, shape, strides, offset } satisfies TensorMeta);
}

export const quantizedConvertOperators: Operator[] = operators({
  'aten::quantize_per_tensor(Tensor self, float scale, int zero_point, ScalarType dtype) -> Tensor': (ctx, a) =>
    quantizePerTensor(ctx, a.tensor(0), a.number(1), a.number(2), dtypeOf(a.number(3))),
  'aten::quantize_per_tensor.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, ScalarType dtype) -> Tensor': async (ctx, a) => {
    const [scale] = await values(ctx, a.tensor(1));
    const [zeroPoint] = await values(ctx, a.tensor(2));
    return quantizePerTensor(ctx, a.tensor(0), scale!, zeroPoint!, dtypeOf(a.number(3)));
  },
  'aten::quantize_per_channel(Tensor self, Tensor scales, Tensor zero_points, int axis, ScalarType dtype) -> Tensor': async (ctx, a) => {
    const q: QParams = { scheme: 'per_channel_affine', scales: await values(ctx, listOrTensor(a, 1)), zeroPoints: await values(ctx, listOrTensor(a, 2)), axis: a.number(3) };
    return onHost(ctx, a.tensor(0), (host) => quantizeHost(host, dtypeOf(a.number(4)), q));
  },
  'aten::dequantize.self(Tensor self) -> Tensor': (ctx, a) => dequantize(ctx, a.tensor(0)),
  'aten::dequantize.tensors(Tensor[] tensors) -> Tensor[]': (ctx, a) => dequantizeNested(ctx, a.list(0)),
  'aten::dequantize.any(Any tensors) -> Any': (ctx, a) => dequantizeNested(ctx, a.any(0)),
  'aten::int_repr(Tensor self) -> Tensor': (ctx, a) => intRepr(ctx, a.tensor(0)),
  'aten::q_scale(Tensor self) -> float': (_ctx, a) => perTensorQ(a.tensor(0).meta).scale,
  'aten::q_zero_point(Tensor self) -> int': (_ctx, a) => perTensorQ(a.tensor(0).meta).zeroPoint,
  'aten::q_per_channel_scales(Tensor self) -> Tensor': (ctx, a) => ctx.fromHost('float64', [perChannel(a).scales.length], perChannel(a).scales),
  'aten::q_per_channel_zero_points(Tensor self) -> Tensor': (ctx, a) => ctx.fromHost('int64', [perChannel(a).zeroPoints.length], perChannel(a).zeroPoints),
  'aten::q_per_channel_axis(Tensor self) -> int': (_ctx, a) => perChannel(a).axis,
});
