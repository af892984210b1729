/** Figures are what PyTorch gives. */
import { describe, expect, test } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { TensorData, type ScriptObject } from '../../ir/constant.ts';
import { RunBudget } from '../budget.ts';
import { EagerContext } from '../eagerContext.ts';
import type { NodeInfo } from '../operator.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { runOperator } from './index.ts';
import { dynamicQParams } from './quantizedDynamic.ts';

const device = new CpuDevice();
const stored = (shape: number[], values: number[], scale: number, zeroPoint: number): Tensor =>
  device.upload(hostTensor('quint8', shape, values, { scheme: 'per_tensor_affine', scale, zeroPoint }));

async function call(kind: string, args: RuntimeValue[], ctx = new EagerContext(device)): Promise<number[]> {
  const info: NodeInfo = { kind, inputTypes: [], outputTypes: [] };
  ctx.node = info;
  const y = await runOperator(ctx, info, args);
  if (!isTensor(y)) throw new Error('not a tensor');
  return [...toRowMajor(await ctx.read(y))];
}

describe('quantized ops by way of real values', () => {
  const x = stored([2, 3], [10, 200, 128, 140, 7, 255], 0.05, 128);

  test('softmax along either dimension', async () => {
    expect(await call('quantized::softmax', [x, 1, 1 / 256, 0])).toEqual([0, 249, 7, 1, 0, 255]);
    expect(await call('quantized::softmax', [x, 0, 0.01, 3])).toEqual([3, 103, 3, 103, 3, 103]);
  });

  test('prelu with quantized slopes', async () => {
    const slopes = stored([5], [21, 69, 75, 76, 24], 0.01, 3);
    const line = stored([1, 5, 1], [0, 255, 228, 80, 149], 0.01627098974214674, 152);
    expect(await call('quantized::prelu', [line, slopes, 0.03318596681248174, 16])).toEqual([3, 67, 53, 0, 16]);
  });

  test('matmul, and its refusal of two ranks', async () => {
    const y = stored([3, 2], [1, 99, 180, 30, 255, 12], 0.03, 100);
    expect(await call('quantized::matmul', [x, y, 0.1, 120])).toEqual([255, 46, 252, 79]);
    await expect(call('quantized::matmul', [x, stored([1, 3, 2], [1, 2, 3, 4, 5, 6], 0.1, 0), 0.1, 120])).rejects.toThrow(/same rank/);
  });

  test('avg_pool3d rounds a tie before it adds the zero point', async () => {
    const volume = stored([1, 1, 1, 1, 2], [0, 1], 0.1, 1);
    const pool = (padding: number[], counted: boolean, divisor: number | null): RuntimeValue[] =>
      [volume, [1, 1, 2], [1, 1, 2], padding, false, counted, divisor];
    expect(await call('aten::avg_pool3d', pool([0, 0, 0], true, null))).toEqual([1]);
    expect(await call('aten::avg_pool3d', pool([0, 0, 1], true, null))).toEqual([1, 1]);
    expect(await call('aten::avg_pool3d', pool([0, 0, 1], false, null))).toEqual([0, 1]);
    expect(await call('aten::avg_pool3d', pool([0, 0, 0], true, 1))).toEqual([0]);
  });
});

describe('qparams from the range of a tensor', () => {
  test('quantize_per_tensor_dynamic', async () => {
    const t = device.upload(hostTensor('float32', [4], [-1, 0.6, 2, -0.31]));
    expect(await call('aten::quantize_per_tensor_dynamic', [t, 13, false])).toEqual([0, 136, 255, 59]);
    expect(await call('aten::quantize_per_tensor_dynamic', [t, 13, true])).toEqual([0, 67, 127, 29]);
    expect(await call('aten::quantize_per_tensor_dynamic', [t, 12, false])).toEqual([-128, 8, 127, -69]);
    expect(await call('aten::quantize_per_tensor_dynamic', [t, 12, true])).toEqual([-64, 3, 63, -35]);
  });

  test('ranges of nothing and of almost nothing', () => {
    expect(dynamicQParams(0, 0, [0, 255])).toEqual({ scale: 0.1, zeroPoint: 0 });
    expect(dynamicQParams(0, 0, [-128, 127])).toEqual({ scale: 0.1, zeroPoint: 127 });
    expect(dynamicQParams(Math.fround(-1e-5), Math.fround(2e-5), [0, 255])).toEqual({ scale: 6.0999998822808266e-05, zeroPoint: 85 });
    expect(dynamicQParams(0.5, 3, [-128, 127])).toEqual({ scale: 3 / 255, zeroPoint: -128 });
  });
});

describe('embeddings of 8 bits', () => {
  const q = { scheme: 'per_channel_affine' as const, scales: [0.5, 0.25], zeroPoints: [1.5, 8], axis: 0 };
  const weight = (bits: number): ScriptObject => ({
    kind: 'ScriptObject', className: '__torch__.torch.classes.quantized.EmbeddingPackedParamsBase',
    state: [1, [TensorData.of(hostTensor('quint8', [2, 2], [0, 3, 8, 12], q))], [], [bits]],
  });
  const ints = (shape: number[], values: number[]): Tensor => device.upload(hostTensor('int64', shape, values));

  test('rows with zero points that are no integers', async () => {
    expect(await call('quantized::embedding_byte', [weight(8), ints([3], [1, 0, 1]), false])).toEqual([0, 1, -0.75, 0.75, 0, 1]);
    await expect(call('quantized::embedding_byte', [weight(4), ints([1], [0]), false])).rejects.toThrow(/not an 8-bit table/);
  });

  test('sums of bags, by offsets or by rows of indices', async () => {
    const rest = [false, 0, false, null, null, false];
    expect(await call('quantized::embedding_bag_byte', [weight(8), ints([3], [1, 0, 1]), ints([2], [0, 2]), ...rest])).toEqual([-0.75, 1.75, 0, 1]);
    expect(await call('quantized::embedding_bag_byte', [weight(8), ints([2, 2], [1, 0, 1, 1]), null, ...rest])).toEqual([-0.75, 1.75, 0, 2]);
  });
});

describe('values made one by one on the host', () => {
  const small = { weights: 0, inputs: 16, tokens: 0 };
  const float = device.upload(hostTensor('float32', [2], [1, 2]));
  test.each<[string, RuntimeValue[]]>([
    ['aten::bincount', [device.upload(hostTensor('int64', [2], [1, 1e9])), null, 0]],
    ['aten::bincount', [device.upload(hostTensor('int64', [1], [1])), null, 1e9]],
    ['aten::histc', [float, 1e9, 0, 1]],
    ['aten::vander', [float, 1e9, false]],
    ['aten::range', [0, 9e7, 6, null, null, null]],
    ['aten::fft_fft', [float, 1e5, -1, null]],
    ['aten::fft_irfft', [float, 1e5, -1, null]],
  ])('%s is refused before it takes the memory', async (kind, args) => {
    const ctx = new EagerContext(device);
    ctx.budget = new RunBudget(small, () => 0);
    await expect(call(kind, args, ctx)).rejects.toThrow(expect.objectContaining({ code: 'RUNTIME_TOO_LARGE' }));
  });
});
