/** References against short formulas of another shape, for operators whose own file has no test. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import type { HostArray } from '../tensor.ts';
import { expectClose, expectEqual, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { adaptiveAvgPool2d } from './adaptive_pool2d.ts';
import { attention } from './attention.ts';
import { avgPool2d } from './avg_pool2d.ts';
import { batchNorm } from './batch_norm.ts';
import { binary } from './binary.ts';
import { cast } from './cast.ts';
import { cat } from './cat.ts';
import { conv2d } from './conv2d.ts';
import { convTranspose2d } from './conv_transpose2d.ts';
import { copy, flip } from './copy.ts';
import { cumsum } from './cumsum.ts';
import { groupNorm } from './group_norm.ts';
import { histogram } from './histogram.ts';
import { gather, indexSelect } from './index_select.ts';
import { layerNorm } from './layer_norm.ts';
import { matmul } from './matmul.ts';
import { maxPool2d } from './max_pool2d.ts';
import { minMax } from './min_max.ts';
import { pad, type PadMode } from './pad.ts';
import { poolOutputSize } from './pool.ts';
import { reduce, type ReduceKind } from './reduce.ts';
import { softmax } from './softmax.ts';
import { topk } from './topk.ts';
import { upsampleBilinear2d, upsampleNearest2d } from './upsample2d.ts';
import { where } from './where.ts';

const dim = fc.integer({ min: 1, max: 6 });
const bad = (code: string): unknown => expect.objectContaining({ code });

describe('pools', () => {
  it('an average is a convolution with equal weights', () => {
    fc.assert(fc.property(dim, dim, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (h, w, k, s) => {
      const x = randomTensor([2, 1, h + 2, w + 2], h * w);
      const padding = [k >> 1, k >> 1];
      const window = { kernelSize: [k, k], stride: [s, s], padding, ceilMode: false };
      const y = runReference(avgPool2d, [x], { ...window, countIncludePad: true, divisorOverride: null })[0]!;
      const weight = hostTensor('float32', [1, 1, k, k], new Array<number>(k * k).fill(1 / (k * k)));
      expectClose(y, runReference(conv2d, [x, weight], { stride: [s, s], padding, dilation: [1, 1], groups: 1 })[0]!, { rtol: 1e-5, atol: 1e-6 });
    }));
  });

  it('a maximum is no less than the average, and one of the inputs', () => {
    fc.assert(fc.property(dim, dim, fc.integer({ min: 1, max: 3 }), fc.boolean(), (h, w, k, ceilMode) => {
      const x = randomTensor([1, 2, h + 2, w + 2], h * w);
      const window = { kernelSize: [k, k], stride: [], padding: [0, 0], ceilMode };
      const high = runReference(maxPool2d, [x], { ...window, dilation: [1, 1] })[0]!;
      const mean = runReference(avgPool2d, [x], { ...window, countIncludePad: false, divisorOverride: null })[0]!;
      high.data.subarray(0, 2).forEach((v, i) => { expect(v).toBeGreaterThanOrEqual(mean.data[i]! - 1e-6); expect(x.data).toContain(v); });
    }));
  });

  it('ceil mode drops a window that would start beyond the input', () => {
    // torch.nn.MaxPool2d(2, stride=3, padding=1, ceil_mode=True) makes 2 of 3 rows, not 3.
    expect(poolOutputSize(3, 2, 3, 1, 1, true)).toBe(2);
    expect(poolOutputSize(5, 2, 2, 0, 1, true)).toBe(3);
    expect(poolOutputSize(5, 2, 2, 0, 1, false)).toBe(2);
  });

  it('an adaptive average of even parts is a plain one', () => {
    const x = randomTensor([2, 3, 6, 8], 1);
    const attrs = { kernelSize: [3, 2], stride: [3, 2], padding: [0, 0], ceilMode: false, countIncludePad: true, divisorOverride: null };
    expectClose(runReference(adaptiveAvgPool2d, [x], { outputSize: [2, 4] })[0]!, runReference(avgPool2d, [x], attrs)[0]!);
  });

  it('refuses too much padding and a window that does not fit', () => {
    const attrs = { kernelSize: [2, 2], stride: [2, 2], padding: [2, 2], ceilMode: false, dilation: [1, 1] };
    expect(() => runReference(maxPool2d, [randomTensor([1, 1, 4, 4], 1)], attrs)).toThrow(bad('KERNEL_BAD_ATTRIBUTE') as Error);
    expect(() => runReference(maxPool2d, [randomTensor([1, 1, 1, 4], 1)], { ...attrs, padding: [0, 0] })).toThrow(bad('KERNEL_SHAPE_MISMATCH') as Error);
  });
});

describe('norms, softmax and attention', () => {
  it('layer_norm and group_norm leave mean 0 and variance 1', () => {
    fc.assert(fc.property(dim, fc.integer({ min: 4, max: 40 }), (n, w) => {
      const rows = [
        runReference(layerNorm, [randomTensor([n, w], n)], { normalizedShape: [w], eps: 0 })[0]!,
        runReference(groupNorm, [randomTensor([1, n, w], n)], { numGroups: n, eps: 0 })[0]!,
      ];
      for (const y of rows) {
        for (let r = 0; r < n; r++) {
          const row = [...y.data.subarray(r * w, (r + 1) * w)];
          expect(row.reduce((a, b) => a + b, 0) / w).toBeCloseTo(0, 5);
          expect(row.reduce((a, b) => a + b * b, 0) / w).toBeCloseTo(1, 4);
        }
      }
    }));
  });

  it('batch_norm is undone by its own statistics', () => {
    const x = randomTensor([2, 3, 5], 1);
    const p = [randomTensor([3], 2), randomTensor([3], 3, 0.5, 2)];
    const y = runReference(batchNorm, [x, p[0]!, p[1]!], { eps: 0.25 })[0]!;
    const back = Array.from(y.data, (v, i) => v * Math.sqrt(p[1]!.data[Math.floor(i / 5) % 3]! + 0.25) + p[0]!.data[Math.floor(i / 5) % 3]!);
    expectClose(hostTensor('float32', [2, 3, 5], back), x);
  });

  it('softmax sums to one along its dimension, and its logarithm is log_softmax', () => {
    fc.assert(fc.property(fc.array(dim, { minLength: 1, maxLength: 4 }), fc.nat(3), (shape, d) => {
      const axis = d % shape.length;
      const x = randomTensor(shape, d, -30, 30);
      const y = runReference(softmax, [x], { dim: axis })[0]!;
      const sums = runReference(reduce, [y], { kind: 'sum', dims: [axis], keepdim: false })[0]!;
      sums.data.forEach((v, i) => { if (i < sums.meta.shape.reduce((a, b) => a * b, 1)) expect(v).toBeCloseTo(1, 5); });
      const log = runReference(softmax, [x], { dim: axis - shape.length, log: true })[0]!;
      expectClose(hostTensor('float32', shape, Array.from(log.data, Math.exp)), y, { rtol: 1e-5, atol: 1e-6 });
    }));
  });

  it('attention is softmax(q k^T) v by its parts', () => {
    fc.assert(fc.property(dim, dim, dim, fc.boolean(), (l, s, e, isCausal) => {
      const [q, k, v] = [randomTensor([2, l, e], 1), randomTensor([2, s, e], 2), randomTensor([2, s, 3], 3)] as const;
      const kt = { meta: { ...k.meta, shape: [2, e, s], strides: [s * e, 1, e] }, data: k.data };
      const scores = runReference(matmul, [q, kt], {})[0]!;
      const scaled = hostTensor('float32', [2, l, s], Array.from({ length: 2 * l * s }, (_, i) =>
        (isCausal && i % s > Math.floor(i / s) % l ? -Infinity : scores.data[i]! / Math.sqrt(e))));
      const want = runReference(matmul, [runReference(softmax, [scaled], { dim: -1 })[0]!, v], {})[0]!;
      expectClose(runReference(attention, [q, k, v], { isCausal, scale: null })[0]!, want, { rtol: 1e-5, atol: 1e-6 });
    }));
  });

  it('a query that may see no key gets zero', () => {
    const inputs = [randomTensor([1, 2], 1), randomTensor([3, 2], 2), randomTensor([3, 2], 3), hostTensor('float32', [3], [-Infinity, -Infinity, -Infinity])];
    expect([...runReference(attention, inputs, { isCausal: false, scale: null })[0]!.data.subarray(0, 2)]).toEqual([0, 0]);
  });
});

describe('reductions', () => {
  it('reducing all dims at once is reducing them one by one', () => {
    const kinds = fc.constantFrom<ReduceKind>('sum', 'amax', 'amin', 'prod', 'mean', 'norm2');
    fc.assert(fc.property(fc.array(dim, { minLength: 2, maxLength: 4 }), kinds, (shape, kind) => {
      const x = randomTensor(shape, shape.length);
      let y = x;
      for (let d = shape.length - 1; d >= 0; d--) y = runReference(reduce, [y], { kind, dims: [d], keepdim: false })[0]!;
      expectClose(runReference(reduce, [x], { kind, dims: [], keepdim: false })[0]!, y, { rtol: 1e-4, atol: 1e-5 });
    }));
  });

  it('variance is the mean of squares less the square of the mean; argmax finds amax', () => {
    const x = randomTensor([4, 9], 3);
    const settings = { dims: [1], keepdim: false, correction: 0 };
    const of = (kind: ReduceKind, t = x): HostArray => runReference(reduce, [t], { ...settings, kind })[0]!.data;
    const squares = of('mean', runReference(binary, [x, x], { kind: 'mul' })[0]!);
    const [variance, mean, place, high] = [of('var'), of('mean'), of('argmax'), of('amax')];
    for (let r = 0; r < 4; r++) {
      expect(variance[r]!).toBeCloseTo(squares[r]! - mean[r]! ** 2, 5);
      expect(x.data[r * 9 + place[r]!]).toBe(high[r]);
    }
  });

  it('a cumulative sum ends in the sum', () => {
    const x = randomTensor([3, 7], 1);
    const y = runReference(cumsum, [x], { dim: 1 })[0]!;
    const sums = runReference(reduce, [x], { kind: 'sum', dims: [1], keepdim: false })[0]!;
    for (let r = 0; r < 3; r++) expect(y.data[r * 7 + 6]).toBeCloseTo(sums.data[r]!, 5);
  });

  it('topk of everything sorts, and gather by its indices gives its values', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 12 }), fc.boolean(), (values, largest) => {
      const x = hostTensor('float32', [values.length], values);
      const [sorted, places] = runReference(topk, [x], { k: values.length, dim: 0, largest }) as [typeof x, typeof x];
      expect([...sorted.data].slice(0, values.length)).toEqual([...values].sort((a, b) => (largest ? b - a : a - b)));
      expectEqual(runReference(gather, [x, places], { dim: 0 })[0]!, sorted);
    }));
  });

  it('min_max sees what is not finite; a histogram counts all that is inside', () => {
    expect([...runReference(minMax, [hostTensor('float32', [5], [3, NaN, -1, Infinity, 2])], {})[0]!.data.subarray(0, 3)]).toEqual([-1, 3, 2]);
    expect([...runReference(minMax, [hostTensor('float32', [0], [])], {})[0]!.data.subarray(0, 3)]).toEqual([Infinity, -Infinity, 0]);
    const counts = runReference(histogram, [hostTensor('float32', [7], [-1, 0, 0.5, 1.99, 2, 3, NaN])], { bins: 4, min: 0, max: 2 })[0]!;
    expect([...counts.data].slice(0, 4)).toEqual([1, 1, 0, 2]);
  });
});

describe('moving data', () => {
  it('a cast goes the way PyTorch goes', () => {
    const to = (dtype: 'int64' | 'uint8' | 'bool' | 'int16', values: number[]): number[] =>
      [...runReference(cast, [hostTensor('float32', [values.length], values)], { dtype })[0]!.data].slice(0, values.length).map((v) => v + 0);
    expect(to('int64', [2.9, -2.9, -0.5, 1e12])).toEqual([2, -2, 0, 2147483647]);
    expect(to('bool', [0, -0, 0.1, NaN])).toEqual([0, 0, 1, 1]);
    expect(to('uint8', [3.7, 255, 256, 300])).toEqual([3, 255, 0, 44]);
    expect(to('int16', [32768, -32769])).toEqual([-32768, 32767]);
    const half = runReference(cast, [hostTensor('float32', [5], [1 / 3, 65519, 65520, 2 ** -24, 2 ** -26])], { dtype: 'float16' })[0]!;
    expect([...half.data].slice(0, 5)).toEqual([0.333251953125, 65504, Infinity, 2 ** -24, 0]);
    const brain = runReference(cast, [hostTensor('float32', [3], [1.00390625, 1.01171875, -3.140625])], { dtype: 'bfloat16' })[0]!;
    expect([...brain.data].slice(0, 3)).toEqual([1, 1.015625, -3.140625]);
  });

  it('flipping twice, and packing and back, changes nothing', () => {
    fc.assert(fc.property(fc.array(dim, { minLength: 1, maxLength: 4 }), fc.nat(15), (shape, mask) => {
      const x = randomTensor(shape, mask);
      const dims = shape.map((_, d) => d).filter((d) => (mask >> d) & 1);
      expectEqual(runReference(flip, [runReference(flip, [x], { dims })[0]!], { dims })[0]!, x);
      expectEqual(runReference(copy, [runReference(copy, [x], { layout: 'packed' })[0]!], { layout: 'contiguous' })[0]!, x);
    }));
  });

  it('joining and selecting back gives the parts', () => {
    const a = randomTensor([2, 3], 1);
    const b = randomTensor([2, 2], 2);
    const y = runReference(cat, [a, b], { dim: -1 })[0]!;
    expectEqual(runReference(indexSelect, [y, hostTensor('int64', [3], [0, 1, 2])], { dim: 1 })[0]!, a);
    expectEqual(runReference(indexSelect, [y, hostTensor('int64', [2], [-2, -1])], { dim: 1 })[0]!, b);
    expect(() => runReference(cat, [a, randomTensor([3, 3], 1)], { dim: 1 })).toThrow(/cannot join float32\[2, 3\] and float32\[3, 3\]/);
  });

  it('pads the way the modes say', () => {
    const x = hostTensor('float32', [4], [1, 2, 3, 4]);
    const of = (mode: PadMode, padding = [2, 1]): number[] => [...runReference(pad, [x], { padding, mode, value: 9 })[0]!.data].slice(0, 7);
    expect(of('constant')).toEqual([9, 9, 1, 2, 3, 4, 9]);
    expect(of('reflect')).toEqual([3, 2, 1, 2, 3, 4, 3]);
    expect(of('replicate')).toEqual([1, 1, 1, 2, 3, 4, 4]);
    expect(of('circular')).toEqual([3, 4, 1, 2, 3, 4, 1]);
    expect(() => of('reflect', [4, 0])).toThrow(bad('KERNEL_BAD_ATTRIBUTE') as Error);
  });

  it('where chooses, and binary broadcasts', () => {
    const y = runReference(where, [hostTensor('bool', [2, 1], [1, 0]), hostTensor('int64', [3], [1, 2, 3]), hostTensor('int64', [], [7])], {})[0]!;
    expectEqual(y, hostTensor('int64', [2, 3], [1, 2, 3, 7, 7, 7]));
    expectEqual(runReference(binary, [hostTensor('float32', [2, 1], [10, 20]), hostTensor('float32', [3], [1, 2, 3])], { kind: 'sub' })[0]!,
      hostTensor('float32', [2, 3], [9, 8, 7, 19, 18, 17]));
    expect(() => runReference(binary, [randomTensor([2], 1), randomTensor([3], 1)], { kind: 'add' })).toThrow(/cannot broadcast \[2\] and \[3\]/);
    expect(() => runReference(binary, [randomTensor([2], 1), hostTensor('int64', [2], [1, 2])], { kind: 'add' })).toThrow(bad('KERNEL_DTYPE') as Error);
  });

  it('divides and takes remainders as Python does', () => {
    const [a, b] = [hostTensor('int64', [4], [7, -7, 7, -7]), hostTensor('int64', [4], [2, 2, -2, -2])];
    const of = (kind: 'div_floor' | 'div_trunc' | 'remainder' | 'fmod'): number[] => [...runReference(binary, [a, b], { kind })[0]!.data].slice(0, 4);
    expect(of('div_floor')).toEqual([3, -4, -4, 3]);
    expect(of('div_trunc')).toEqual([3, -3, -3, 3]);
    expect(of('remainder')).toEqual([1, 1, -1, -1]);
    expect(of('fmod')).toEqual([1, -1, 1, -1]);
  });

  it('a transposed convolution is the adjoint of the convolution', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), (k, s, d) => {
      const attrs = { stride: [s, s], padding: [1, 1], dilation: [d, d], groups: 1 };
      const x = randomTensor([1, 3, 7, 7], 1);
      const weight = randomTensor([2, 3, k, k], 2);
      const y = runReference(conv2d, [x, weight], attrs)[0]!;
      const [oh] = y.meta.shape.slice(2) as [number];
      const outputPadding = 7 - ((oh - 1) * s - 2 + d * (k - 1) + 1);
      const z = randomTensor(y.meta.shape, 3);
      const back = runReference(convTranspose2d, [z, weight], { ...attrs, outputPadding: [outputPadding, outputPadding] })[0]!;
      // <conv(x), z> = <x, transposed(z)>
      const dot = (p: typeof x, q: typeof x): number => Array.from(p.data).reduce((sum, v, i) => sum + v * (q.data[i] ?? 0), 0);
      expect(dot(z, y)).toBeCloseTo(dot(x, back), 3);
    }));
  });

  it('upsampling keeps constants, and by corners keeps corners', () => {
    const x = randomTensor([1, 1, 3, 4], 1);
    const y = runReference(upsampleBilinear2d, [x], { outputSize: [7, 9], scales: null, alignCorners: true })[0]!;
    expect([y.data[0], y.data[8], y.data[54], y.data[62]]).toEqual([x.data[0], x.data[3], x.data[8], x.data[11]]);
    const same = hostTensor('float32', [1, 1, 2, 2], [5, 5, 5, 5]);
    const wide = runReference(upsampleBilinear2d, [same], { outputSize: [5, 3], scales: null, alignCorners: false })[0]!;
    expect(new Set(wide.data.subarray(0, 15))).toEqual(new Set([5]));
    const near = runReference(upsampleNearest2d, [hostTensor('float32', [1, 1, 1, 2], [1, 2])], { outputSize: [2, 4], scales: null, alignCorners: false })[0]!;
    expect([...near.data]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });
});
