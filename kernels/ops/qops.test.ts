import { describe, expect, test } from 'vitest';
import { hostTensor, makeMeta, toRowMajor } from '../layout.ts';
import type { HostTensor, QParams } from '../tensor.ts';
import { runReference } from '../testing/check.ts';
import { qbinary } from './qbinary.ts';
import { catTables, qcat } from './qcat.ts';
import { qdequantize } from './qdequantize.ts';
import { summandTables } from './qepilogue.ts';
import { isDense, packedRows, qInput, qOutput, qParamsOf, roundHalfEven } from './qmath.ts';
import { inverseSqrt, qnorm } from './qnorm.ts';
import { poolReciprocals, qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d } from './qpool.ts';
import { dequantizeHost, qquantize, quantizeHost } from './qquantize.ts';
import { makeTable, qtable, requantizeTable } from './qtable.ts';
import { qupsample, sourceCoordinates } from './qupsample.ts';

const q = (scale: number, zeroPoint: number): QParams => ({ scheme: 'per_tensor_affine', scale, zeroPoint });
const stored = (shape: number[], values: number[], scale = 0.1, zeroPoint = 10): HostTensor => hostTensor('quint8', shape, values, q(scale, zeroPoint));
const values = (t: HostTensor | undefined): number[] => Array.from(toRowMajor(t!));

describe('rounding and layout rules', () => {
  test('roundHalfEven', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4999999, 1e9 + 0.5].map((v) => roundHalfEven(v) + 0)).toEqual([0, 2, 2, 0, -2, -2, 2, 1e9]);
  });

  test('isDense takes contiguous, packed and permuted storage, and no holes', () => {
    expect(isDense(makeMeta('quint8', [2, 5, 3, 4]))).toBe(true);
    expect(isDense(makeMeta('quint8', [2, 5, 3, 4], 'packed'))).toBe(true);
    expect(isDense({ ...makeMeta('quint8', [2, 3], 'packed'), strides: [1, 2], shape: [2, 3] })).toBe(true);
    expect(isDense({ ...makeMeta('quint8', [2, 8]), strides: [16, 1] })).toBe(false);
    expect(isDense({ ...makeMeta('quint8', [2, 8]), offset: 8 })).toBe(false);
    expect(isDense({ ...makeMeta('quint8', [4, 8]), strides: [0, 1] })).toBe(false);
  });

  test('packedRows sees NHWC storage with channels last as rows', () => {
    const nchw = makeMeta('quint8', [2, 5, 3, 4], 'packed', q(1, 0));
    const order = [0, 2, 3, 1];
    const nhwc = { ...nchw, shape: order.map((d) => nchw.shape[d]!), strides: order.map((d) => nchw.strides[d]!) };
    expect(packedRows(nhwc)).toMatchObject({ shape: [24, 5], strides: [8, 1] });
    expect(packedRows(nchw)).toBeNull();
  });
});

describe('quantize and dequantize', () => {
  test('multiplies by the inverse of the scale, as PyTorch on x86', () => {
    // From FBGEMM's own note: src * (1 / scale) is 127.5 and rounds to 128, src / scale would round to 127.
    const x = hostTensor('float32', [5], [0.273939937, -1, 1, NaN, Infinity]);
    expect(values(runReference(qquantize, [x], qOutput('quint8', 0.00214854861, 0))[0])).toEqual([128, 0, 255, 0, 255]);
  });

  test('NCHW floats become packed NHWC, and come back', () => {
    const x = hostTensor('float32', [1, 3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const [y] = runReference(qquantize, [x], qOutput('qint8', 0.5, -3));
    expect(y!.meta.strides).toEqual([16, 1, 8, 4]);
    expect(values(runReference(qdequantize, [y!], {})[0])).toEqual(values(x));
  });

  test('per-channel weights on the host', () => {
    const x = hostTensor('float32', [2, 2], [1, -1, 1, -1]);
    const w = quantizeHost(x, 'qint8', { scheme: 'per_channel_affine', scales: [0.01, 0.1], zeroPoints: [0, 0], axis: 0 });
    expect(values(w)).toEqual([100, -100, 10, -10]);
    expect(values(dequantizeHost(w))).toEqual([1, -1, 1, -1].map(Math.fround));
  });
});

describe('add, mul, tables, cat', () => {
  test('broadcasts', () => {
    const [a, b] = [stored([1, 2, 1, 2], [10, 20, 30, 40]), stored([1, 2, 1, 1], [20, 30])];
    const tables = hostTensor('float32', [2, 256], summandTables(qInput('', [a.meta], 0), qInput('', [b.meta], 0)));
    expect(values(runReference(qbinary, [a, b, tables], { op: 'add', output: qOutput('quint8', 0.1, 5) })[0])).toEqual([15, 25, 45, 55]);
    expect(values(runReference(qbinary, [a, b], { op: 'mul', output: qOutput('quint8', 0.1, 0) })[0])).toEqual([0, 10, 40, 60]);
    const minus = qOutput('quint8', 0.1, 40, true);
    expect(values(runReference(qbinary, [stored([2], [0, 20]), stored([2], [0, 10]), tables], { op: 'add', output: minus })[0])).toEqual([40, 50]);
  });

  test('a table a channel', () => {
    const tables = hostTensor('uint8', [2, 256], [...Array.from({ length: 256 }, (_, i) => i), ...Array.from({ length: 256 }, (_, i) => 255 - i)]);
    const [y] = runReference(qtable, [stored([1, 2, 2], [1, 2, 3, 4]), tables], { output: qOutput('quint8', 1, 0), channelDim: 1 });
    expect(values(y)).toEqual([1, 2, 252, 251]);
  });

  test('a table rounds to the output qparams', () => {
    const t = makeTable({ kind: 'relu', params: [] }, { dtype: 'qint8', scale: 0.5, zeroPoint: 0 }, qOutput('qint8', 1, 0));
    expect([t[253], t[3], t[5], t[127]]).toEqual([0, 2, 2, 64]);
  });

  test('cat keeps tensors of the output qparams and requantizes others', () => {
    const output = qOutput('quint8', 0.1, 10);
    const parts = [stored([1, 1, 1, 2], [3, 250]), stored([1, 2, 1, 2], [30, 40, 50, 60], 0.2, 20)];
    const [y] = runReference(qcat, [...parts, hostTensor('uint8', [2, 256], catTables(parts.map((p) => p.meta), output))], { dim: 1, output });
    expect(values(y)).toEqual([3, 250, 30, 50, 70, 90]);
    expect(Array.from(requantizeTable({ dtype: 'quint8', scale: 0.1, zeroPoint: 10 }, output))).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });
});

describe('pools and upsampling', () => {
  const image = stored([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9], 0.1, 2);
  const table = (n: number): HostTensor => hostTensor('float32', [n + 1], poolReciprocals(n));
  const window = { kernel: [2, 2], stride: [2, 2], padding: [1, 1], ceilMode: false };

  test('max, with dilation and ceil mode', () => {
    expect(values(runReference(qmaxPool2d, [image], { ...window, dilation: [1, 1] })[0])).toEqual([1, 3, 7, 9]);
    expect(values(runReference(qmaxPool2d, [image], { ...window, padding: [0, 0], ceilMode: true, dilation: [1, 1] })[0])).toEqual([5, 6, 8, 9]);
    expect(values(runReference(qmaxPool2d, [image], { kernel: [2, 2], stride: [1, 1], padding: [0, 0], ceilMode: false, dilation: [2, 2] })[0])).toEqual([9]);
  });

  test('avg counts the padding or does not', () => {
    expect(values(runReference(qavgPool2d, [image, table(4)], { ...window, countIncludePad: true, rounding: 'zeroPointFirst' })[0])).toEqual([2, 2, 4, 7]);
    expect(values(runReference(qavgPool2d, [image, table(4)], { ...window, countIncludePad: false, rounding: 'zeroPointFirst' })[0])).toEqual([1, 2, 6, 7]);
  });

  test('adaptive windows overlap where sizes do not divide', () => {
    expect(values(runReference(qadaptiveAvgPool2d, [image, table(4)], { outputSize: [2, 2], rounding: 'zeroPointLast' })[0])).toEqual([3, 4, 6, 7]);
    expect(values(runReference(qadaptiveAvgPool2d, [image, table(9)], { outputSize: [1, 1], rounding: 'zeroPointLast' })[0])).toEqual([5]);
  });

  test('nearest repeats, bilinear interpolates', () => {
    const x = stored([1, 1, 1, 2], [10, 20]);
    const run = (mode: 'nearest' | 'bilinear', align: boolean): number[] => {
      const attrs = { mode, outputSize: [1, 4] };
      const c = sourceCoordinates(x.meta, attrs, align, [null, null]);
      return values(runReference(qupsample, [x, hostTensor('float32', [c.length], c)], attrs)[0]);
    };
    expect(run('nearest', false)).toEqual([10, 10, 20, 20]);
    expect(run('bilinear', false)).toEqual([10, 12, 18, 20]);
    expect(run('bilinear', true)).toEqual([10, 13, 17, 20]);
  });
});

describe('norms', () => {
  test('inverseSqrt is within a few units in the last place', () => {
    for (const v of [1e-12, 1e-5, 0.3, 1, 2, 77.7, 1e8]) expect(Math.abs(inverseSqrt(Math.fround(v)) * Math.sqrt(Math.fround(v)) - 1)).toBeLessThan(4e-7);
  });

  test('rows come out with the mean and deviation of weight and bias', () => {
    const x = stored([2, 4], [10, 20, 30, 40, 7, 7, 7, 7]);
    const [w, b] = [hostTensor('float32', [4], [1, 1, 1, 2]), hostTensor('float32', [4], [0, 0, 0, 1])];
    const [y] = runReference(qnorm, [x, w, b], { eps: 0, groups: 1, run: 1, output: qOutput('quint8', 0.01, 128) });
    // (x - 25) / sqrt(125) is -1.3416, -0.4472, 0.4472, 1.3416; a row without deviation gives the bias.
    expect(values(y).slice(0, 4)).toEqual([0, 83, 173, 255]);
    expect(values(y).slice(4)).toEqual([128, 128, 128, 228]);
    expect(y!.meta.q).toEqual(qParamsOf(qOutput('quint8', 0.01, 128)));
  });
});
