import { describe, expect, test } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { TensorData, type PackedParams, type ScriptObject } from '../../ir/constant.ts';
import { EagerContext } from '../eagerContext.ts';
import type { NodeInfo } from '../operator.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { runOperator } from './index.ts';

const device = new CpuDevice();
const ctx = new EagerContext(device);
const float = (shape: number[], values: number[]): Tensor => device.upload(hostTensor('float32', shape, values));

async function call(kind: string, ...args: RuntimeValue[]): Promise<RuntimeValue> {
  const info: NodeInfo = { kind, inputTypes: [], outputTypes: [] };
  ctx.node = info;
  return runOperator(ctx, info, args);
}

async function numbers(v: RuntimeValue): Promise<number[]> {
  if (!isTensor(v)) throw new Error('not a tensor');
  return [...toRowMajor(await ctx.read(v))];
}

const linear = (shape: [number, number], weight: number[], scales: number[], bias: number[]): PackedParams => ({
  kind: 'PackedParams', op: 'Linear',
  weight: TensorData.of(hostTensor('qint8', shape, weight, { scheme: 'per_channel_affine', scales, zeroPoints: scales.map(() => 0), axis: 0 })),
  bias: TensorData.of(hostTensor('float32', [shape[0]], bias)), stride: [], padding: [], outputPadding: [], dilation: [], groups: 1,
});
const wave = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => Math.round(100 * Math.sin(i * step)));

describe('dynamic quantization', () => {
  test('linear_dynamic gives what PyTorch gives', async () => {
    const p = linear([2, 3], [50, -25, 100, -125, 21, 50], [0.01, 0.006], [0.1, -0.2]);
    const x = float([2, 3], [1, -2, 0.5, 3, 0.25, -1]);
    const near = (got: number[], want: number[]): void => { got.forEach((v, i) => { expect(v).toBeCloseTo(want[i]!, 6); }); };
    near(await numbers(await call('quantized::linear_dynamic', x, p, false)), [1.6098039150238037, -1.0490587949752808, 0.5362744927406311, -2.7178823947906494]);
    near(await numbers(await call('quantized::linear_dynamic', x, p, true)), [1.605905532836914, -1.0376378297805786, 0.5527558922767639, -2.709606170654297]);
    near(await numbers(await call('quantized::linear_relu_dynamic', x, p, false)), [1.6098039150238037, 0, 0.5362744927406311, 0]);
  });

  const input = linear([12, 2], wave(24, 0.7), new Array<number>(12).fill(0.01), new Array<number>(12).fill(0.1));
  const hidden = linear([12, 3], wave(36, 0.3), new Array<number>(12).fill(0.01), new Array<number>(12).fill(-0.1));
  const params = (kind: string): ScriptObject => ({
    kind: 'ScriptObject', className: '__torch__.torch.classes.rnn.CellParamsBase', state: [kind, [], [], [1], [input, hidden]],
  });
  const settings = [true, 1, 0, false, false, false];

  test('quantized_lstm of one step is its cell', async () => {
    const [x, h, c] = [float([2, 2], [1, 0.5, -1, 2]), float([2, 3], [0.1, 0.2, 0.3, -0.1, 0, 1]), float([2, 3], [1, 2, 3, -1, 0, 1])];
    const b = float([12], new Array<number>(12).fill(0));
    const [nextH, nextC] = await call('quantized::quantized_lstm_cell_dynamic', x, [h, c], input, hidden, b, b) as RuntimeValue[];
    const states = [float([1, 2, 3], [0.1, 0.2, 0.3, -0.1, 0, 1]), float([1, 2, 3], [1, 2, 3, -1, 0, 1])];
    const [y, lastH, lastC] = await call('aten::quantized_lstm', float([1, 2, 2], [1, 0.5, -1, 2]), states, [params('quantized_dynamic')], ...settings, null, true) as RuntimeValue[];
    expect(await numbers(y!)).toEqual(await numbers(nextH!));
    expect(await numbers(lastH!)).toEqual(await numbers(nextH!));
    expect(await numbers(lastC!)).toEqual(await numbers(nextC!));
    expect(new Set(await numbers(nextH!)).size).toBe(6);
  });

  test('other cell params are refused by their form', async () => {
    const states = [float([1, 2, 3], wave(6, 1)), float([1, 2, 3], wave(6, 1))];
    await expect(call('aten::quantized_lstm', float([1, 2, 2], [1, 0.5, -1, 2]), states, [params('quantized_fp16')], ...settings, null, true))
      .rejects.toThrow(/quantized_fp16/);
  });
});
