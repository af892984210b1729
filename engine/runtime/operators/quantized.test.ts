import { describe, expect, test } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { quantizeHost } from '../../../kernels/ops/qquantize.ts';
import type { HostTensor, QParams } from '../../../kernels/tensor.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import { EagerContext } from '../eagerContext.ts';
import type { NodeInfo } from '../operator.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { runOperator } from './index.ts';

const device = new CpuDevice();
const ctx = new EagerContext(device);
const q = (scale: number, zeroPoint: number): QParams => ({ scheme: 'per_tensor_affine', scale, zeroPoint });
const stored = (shape: number[], values: number[], scale = 0.1, zeroPoint = 10): Tensor => device.upload(hostTensor('quint8', shape, values, q(scale, zeroPoint)));
const wave = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => Math.round(127 + 120 * Math.sin(i * step)));

/** Runs a node of this kind as the interpreter would. */
async function call(kind: string, ...args: RuntimeValue[]): Promise<RuntimeValue> {
  const info: NodeInfo = { kind, inputTypes: [], outputTypes: [] };
  ctx.node = info;
  return runOperator(ctx, info, args);
}

async function hostOf(v: RuntimeValue): Promise<{ values: number[]; host: HostTensor }> {
  if (!isTensor(v)) throw new Error('not a tensor');
  const host = await ctx.read(v);
  return { values: Array.from(toRowMajor(host)), host };
}

const packed = (op: PackedParams['op'], shape: number[], groups = 1): PackedParams => {
  const weight = hostTensor('float32', shape, wave(shape.reduce((a, b) => a * b, 1), 0.7).map((v) => (v - 127) / 100));
  return {
    kind: 'PackedParams', op, weight: TensorData.of(quantizeHost(weight, 'qint8', q(0.01, 0))), bias: TensorData.of(hostTensor('float32', [shape[0]!], wave(shape[0]!, 2))),
    stride: [1, 1], padding: [1, 1], outputPadding: [0, 0], dilation: [1, 1], groups,
  };
};

describe('quantized operators', () => {
  test('quantize, int_repr, dequantize', async () => {
    const x = device.upload(hostTensor('float32', [1, 2, 1, 2], [-1, 0, 0.26, 30]));
    const y = await call('aten::quantize_per_tensor', x, 0.1, 10, 13);
    expect((await hostOf(await call('aten::int_repr', y))).values).toEqual([0, 10, 13, 255]);
    expect((await hostOf(await call('aten::dequantize', y))).values).toEqual([-1, 0, 0.3, 24.5].map(Math.fround));
    expect(await call('aten::q_scale', y)).toBe(0.1);
    expect(await call('aten::q_zero_point', y)).toBe(10);
  });

  test('fused conv and add equals conv, then add', async () => {
    const p = packed('Conv2d', [6, 4, 3, 3]);
    const x = stored([2, 4, 5, 5], wave(200, 0.3), 0.02, 120);
    const other = stored([2, 6, 5, 5], wave(300, 0.11), 0.5, 60);
    const conv = await call('quantized::conv2d', x, p, 0.9, 100);
    const sum = await hostOf(await call('quantized::add_relu', conv, other, 1.1, 30));
    const fused = await hostOf(await call('quantized::conv2d_add_relu', x, other, p, 1.1, 30, 0.9, 100));
    expect(fused.values).toEqual(sum.values);
    expect(fused.host.meta.q).toEqual(q(1.1, 30));
    expect(new Set(fused.values).size).toBeGreaterThan(20);
  });

  test('fused linear and unary equals linear, then the table, on any rank', async () => {
    const p = packed('Linear', [5, 6]);
    const x = stored([2, 3, 6], wave(36, 0.9), 0.05, 100);
    const linear = await call('quantized::linear', x, p, 0.8, 80);
    const two = await hostOf(await call('quantbench::unary_table', linear, 'gelu(x0)', 0.7, 3));
    const one = await hostOf(await call('quantbench::linear_unary', x, p, 0.8, 80, 'gelu(x0)', 0.7, 3));
    expect(one.host.meta.shape).toEqual([2, 3, 5]);
    expect(one.values).toEqual(two.values);
  });

  test('conv1d is a conv2d of height 1', async () => {
    const p = { ...packed('Conv1d', [3, 2, 3]), stride: [2], padding: [1], dilation: [1] };
    const wide = { ...packed('Conv2d', [3, 2, 1, 3]), stride: [1, 2], padding: [0, 1] };
    const line = await hostOf(await call('quantized::conv1d', stored([1, 2, 9], wave(18, 0.4)), p, 1, 50));
    const image = await hostOf(await call('quantized::conv2d', stored([1, 2, 1, 9], wave(18, 0.4)), wide, 1, 50));
    expect(line.host.meta.shape).toEqual([1, 3, 5]);
    expect(line.values).toEqual(image.values);
  });

  test('conv3d of depth 1 and kernel depth 1 is a conv2d, image by image', async () => {
    const p = packed('Conv2d', [3, 2, 3, 3]);
    const deep = { ...packed('Conv3d', [3, 2, 1, 3, 3]), stride: [1, 1, 1], padding: [0, 1, 1], dilation: [1, 1, 1], outputPadding: [0, 0, 0] };
    const flat = await hostOf(await call('quantized::conv2d', stored([1, 2, 4, 5], wave(40, 0.4)), p, 1, 50));
    const one = await hostOf(await call('quantized::conv3d', stored([1, 2, 1, 4, 5], wave(40, 0.4)), deep, 1, 50));
    expect(one.host.meta.shape).toEqual([1, 3, 1, 4, 5]);
    expect(one.values).toEqual(flat.values);
  });

  test('conv3d sums over the depth, which padding fills with zeros', async () => {
    // Weights of 1 and one channel: each output is the sum of up to three depths.
    const ones = hostTensor('float32', [1, 1, 3, 1, 1], [1, 1, 1]);
    const p: PackedParams = {
      ...packed('Conv3d', [1, 1, 3, 1, 1]), weight: TensorData.of(quantizeHost(ones, 'qint8', q(1, 0))), bias: null,
      stride: [1, 1, 1], padding: [1, 0, 0], dilation: [1, 1, 1], outputPadding: [0, 0, 0],
    };
    const y = await hostOf(await call('quantized::conv3d', stored([1, 1, 4, 1, 2], [11, 12, 13, 14, 15, 16, 17, 18]), p, 0.1, 10));
    expect(y.values).toEqual([14, 16, 19, 22, 25, 28, 22, 24]);
  });

  test('a transposed convolution in groups is one of each group', async () => {
    const p = { ...packed('ConvTranspose2d', [4, 2, 3, 3], 2), bias: TensorData.of(hostTensor('float32', [4], [1, -1, 2, 0.5])) };
    const x = wave(4 * 9, 0.4);
    const both = await hostOf(await call('quantized::conv_transpose2d', stored([1, 4, 3, 3], x), p, 0.5, 50));
    const weight = p.weight.host();
    for (const g of [0, 1]) {
      const part = {
        ...p, groups: 1, weight: TensorData.of({ data: weight.data.slice(g * 36, (g + 1) * 36), meta: { ...weight.meta, shape: [2, 2, 3, 3] } }),
        bias: TensorData.of(hostTensor('float32', [2], g === 0 ? [1, -1] : [2, 0.5])),
      };
      const own = await hostOf(await call('quantized::conv_transpose2d', stored([1, 2, 3, 3], x.slice(g * 18, (g + 1) * 18)), part, 0.5, 50));
      expect(both.values.slice(g * 18, (g + 1) * 18)).toEqual(own.values);
    }
  });

  test('ops that choose values run on real ones and keep the qparams', async () => {
    const x = stored([1, 4], [10, 60, 30, 60]);
    const top = await hostOf(await call('aten::max', x));
    expect([top.values, top.host.meta.q]).toEqual([[60], q(0.1, 10)]);
    expect((await hostOf(await call('aten::reflection_pad1d', x, [1, 0]))).values).toEqual([60, 10, 60, 30, 60]);
  });

  test('add_scalar moves the zero point, or stretches the scale where that does not fit', async () => {
    const x = stored([3], [0, 10, 250]);
    const moved = await hostOf(await call('quantized::add_scalar', x, 0.5));
    expect([moved.values, moved.host.meta.q]).toEqual([[0, 10, 250], q(0.1, 5)]);
    const relu = await hostOf(await call('quantized::add_scalar_relu', x, 0.5));
    expect(relu.values).toEqual([5, 10, 250]);
    const stretchedRelu = await hostOf(await call('quantized::add_scalar_relu', stored([2], [0, 250]), -30));
    expect(stretchedRelu.values[0]).toBe(stretchedRelu.host.meta.q?.scheme === 'per_tensor_affine' ? stretchedRelu.host.meta.q.zeroPoint : NaN);
    // The zero point would be -10: the range grows from 255 to 265 steps.
    const stretched = await hostOf(await call('quantized::add_scalar', x, 2));
    expect(stretched.host.meta.q?.scheme === 'per_tensor_affine' && Math.abs(stretched.host.meta.q.scale - 0.1 * 265 / 255)).toBeLessThan(1e-6);
    expect([stretched.values, stretched.host.meta.q]).toMatchObject([[10, 19, 250], { zeroPoint: 0 }]);
  });

  test('mul_scalar scales, mirrors or clears', async () => {
    const x = stored([3], [0, 10, 250]);
    expect((await hostOf(await call('quantized::mul_scalar', x, 3))).host.meta.q).toEqual(q(3 * 0.1, 10));
    const mirrored = await hostOf(await call('quantized::mul_scalar', x, -1));
    expect([mirrored.values, mirrored.host.meta.q]).toEqual([[255, 245, 5], q(0.1, 245)]);
    expect((await hostOf(await call('quantized::mul_scalar', x, 0))).values).toEqual([0, 0, 0]);
  });

  test('aten ops keep or fix the qparams as PyTorch does', async () => {
    const x = stored([1, 2, 2, 2], [0, 10, 20, 30, 40, 50, 60, 200]);
    expect((await hostOf(await call('aten::relu', x))).values).toEqual([10, 10, 20, 30, 40, 50, 60, 200]);
    expect((await hostOf(await call('aten::hardtanh', x, 0, 3))).values).toEqual([10, 10, 20, 30, 40, 40, 40, 40]);
    expect((await hostOf(await call('aten::sigmoid', x))).host.meta.q).toEqual(q(1 / 256, 0));
    expect((await hostOf(await call('aten::tanh', x))).host.meta.q).toEqual(q(2 / 256, 128));
    expect((await hostOf(await call('aten::adaptive_avg_pool2d', x, [1, 1]))).values).toEqual([15, 88]);
    expect((await hostOf(await call('aten::mean', x, [1], false))).values).toEqual([20, 30, 40, 115]);
    expect((await hostOf(await call('aten::max_pool2d', x, [2, 2], [], [0, 0], [1, 1], false))).values).toEqual([30, 200]);
    expect((await hostOf(await call('aten::cat', [x, x], 1))).host.meta.shape).toEqual([1, 4, 2, 2]);
    expect((await hostOf(await call('aten::constant_pad_nd', x, [1, 0], 1))).values).toEqual([20, 0, 10, 20, 20, 30, 20, 40, 50, 20, 60, 200]);
  });

  test('in-place relu changes the tensor itself', async () => {
    const x = stored([4], [0, 10, 20, 5]);
    expect(await call('aten::relu_', x)).toBe(x);
    expect((await hostOf(x)).values).toEqual([10, 10, 20, 10]);
  });

  test('batch_norm folds into a table a channel', async () => {
    const f = (...v: number[]): Tensor => device.upload(hostTensor('float32', [v.length], v));
    const y = await hostOf(await call('quantized::batch_norm', stored([1, 2, 1, 2], [20, 30, 20, 30]), f(1, 2), f(0, 1), f(0, 1), f(1, 4), 0, 0.1, 0));
    // (x - mean) / sqrt(var) * weight + bias with x = 1 and 2: 1, 2; 1, 2.
    expect(y.values).toEqual([10, 20, 10, 20]);
  });

  test('an op that PyTorch does not have on quantized tensors is refused by name', async () => {
    await expect(call('aten::softmax', stored([4], [1, 2, 3, 4]), 0, null)).rejects.toThrow(/aten::softmax does not run on quantized tensors/);
  });
});
