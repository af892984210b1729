import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import type { KernelOp } from '../op.ts';
import type { DType, HostTensor } from '../tensor.ts';
import { numel } from '../tensor.ts';
import { expectClose, expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { BINARY_TABLE, type BinaryKind } from './binary-table.ts';
import { binary } from './binary.ts';
import { cat } from './cat.ts';
import { convTranspose2d } from './conv_transpose2d.ts';
import { cumsum } from './cumsum.ts';
import { histogram } from './histogram.ts';
import { gather, indexSelect } from './index_select.ts';
import { minMax } from './min_max.ts';
import { pad } from './pad.ts';
import { reduce, type ReduceKind } from './reduce.ts';
import { topk } from './topk.ts';
import { upsampleBilinear2d, upsampleNearest2d } from './upsample2d.ts';
import { where } from './where.ts';

const device = await openTestGpu();
const dim = fc.integer({ min: 1, max: 5 });
const shapes = fc.array(dim, { minLength: 0, maxLength: 4 });

/** Whole numbers of a dtype, the same for the same seed. */
function integers(dtype: DType, shape: readonly number[], seed: number, low: number, high: number): HostTensor {
  return hostTensor(dtype, shape, [...randomTensor(shape, seed, low, high + 0.999).data].map(Math.floor).slice(0, numel(shape)));
}

async function agree<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A, tolerance = { rtol: 1e-5, atol: 1e-6 }): Promise<void> {
  const got = await runOnDevice(device!, op, inputs, attrs);
  runReference(op, inputs, attrs).forEach((want, k) => {
    expect(got[k]!.meta.dtype).toBe(want.meta.dtype);
    expectClose(got[k]!, want, tolerance);
  });
}

/** Two shapes that broadcast: dims of the first turned to 1, or dropped from the front. */
const pairs = fc.tuple(shapes, fc.nat(15), fc.nat(15), fc.nat(4)).map(([shape, a, b, drop]) =>
  [shape.map((d, i) => ((a >> i) & 1 ? 1 : d)), shape.map((d, i) => ((b >> i) & 1 ? 1 : d)).slice(Math.min(drop, shape.length))] as const);

describe.skipIf(!device)('elementwise, joins, reductions and lookups on the GPU', () => {
  it.each(Object.keys(BINARY_TABLE) as BinaryKind[])('binary %s', async (kind) => {
    const entry = BINARY_TABLE[kind];
    await fc.assert(fc.asyncProperty(pairs, fc.boolean(), async ([a, b], reversed) => {
      // Bases of powers stay positive here; negative ones have their own test.
      const low = kind === 'pow' ? 0.1 : -4;
      if (entry.intOnly !== true) await agree(binary, [randomTensor(a, 1, low, 4), randomTensor(b, 2, low, 4)], { kind, reversed }, { rtol: 2e-5, atol: 4e-6 });
      if (entry.intWgsl !== undefined) {
        const shift = kind.endsWith('shift');
        await agree(binary, [integers('int64', a, 1, shift ? 0 : -4, 4), integers('int32', b, 2, shift ? 0 : -4, 4)], { kind, reversed });
      }
    }), { numRuns: 6 });
    if (entry.intOnly !== true) await agree(binary, [randomTensor([3, 4], 1, kind === 'pow' ? 0.1 : -4, 4)], { kind, scalar: 2.5 }, { rtol: 2e-5, atol: 4e-6 });
  }, 30000);

  it('binary alpha, bools, negative bases', async () => {
    await agree(binary, [randomTensor([5], 1), randomTensor([5], 2)], { kind: 'add', alpha: -2.5 });
    await agree(binary, [integers('int64', [5], 1, -9, 9), integers('int64', [5], 2, -9, 9)], { kind: 'sub', alpha: 3 });
    for (const kind of ['add', 'mul', 'bitwise_and', 'bitwise_or', 'bitwise_xor', 'eq'] as const) {
      await agree(binary, [hostTensor('bool', [4], [0, 0, 1, 1]), hostTensor('bool', [4], [0, 1, 0, 1])], { kind });
    }
    await agree(binary, [hostTensor('float32', [6], [-2, -2, -3, 0, 0, -1.5]), hostTensor('float32', [6], [3, 2, -1, 2, 0, 4])], { kind: 'pow' });
    const x = randomTensor([4, 3], 3);
    await agree(binary, [x, { meta: { dtype: 'float32', shape: [4, 3], strides: [1, 4], offset: 0 }, data: x.data }], { kind: 'sub' });
    await agree(binary, [x, x], { kind: 'add' });
  });

  it('where, cat', async () => {
    await fc.assert(fc.asyncProperty(pairs, async ([a, b]) => {
      await agree(where, [integers('bool', a, 1, 0, 1), randomTensor(b, 2), randomTensor(a, 3)], {});
    }), { numRuns: 10 });
    const parts = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 });
    await fc.assert(fc.asyncProperty(parts, fc.integer({ min: -3, max: 2 }), async (sizes, d) => {
      await agree(cat, sizes.map((s, k) => randomTensor([2, 3, 4].map((v, axis) => (axis === (d + 3) % 3 ? s : v)), k)), { dim: d });
    }), { numRuns: 15 });
    await agree(cat, [hostTensor('float32', [0], []), randomTensor([2, 2], 1)], { dim: 1 });
  });

  it.each(['sum', 'mean', 'prod', 'amax', 'amin', 'any', 'all', 'argmax', 'argmin', 'var', 'std', 'norm2'] satisfies ReduceKind[])('reduce %s', async (kind) => {
    const one = kind.startsWith('arg');
    await fc.assert(fc.asyncProperty(fc.array(dim, { minLength: 1, maxLength: 4 }), fc.nat(15), fc.boolean(), async (shape, mask, keepdim) => {
      const dims = one ? [mask % shape.length] : shape.map((_, d) => d).filter((d) => (mask >> d) & 1);
      // A variance of one element is NaN on both sides; larger lines are compared below.
      if (kind !== 'var' && kind !== 'std') await agree(reduce, [randomTensor(shape, mask, -2, 2)], { kind, dims, keepdim }, { rtol: 1e-4, atol: 1e-5 });
      if (!['mean', 'var', 'std', 'norm2'].includes(kind)) await agree(reduce, [integers('int64', shape, mask, -3, 3)], { kind, dims, keepdim });
    }), { numRuns: 12 });
    for (const dims of [[0], [1], []]) {
      await agree(reduce, [randomTensor([300, 7], 5, -2, 2)], { kind, dims, keepdim: false, correction: 0 }, { rtol: 1e-3, atol: 1e-5 });
      if (one) await agree(reduce, [integers('int32', [300, 7], 5, -3, 3)], { kind, dims, keepdim: true });
    }
  }, 30000);

  it('min_max counts what is not finite', async () => {
    for (const n of [0, 1, 63, 5000, 200000]) await agree(minMax, [randomTensor([n], n + 1, -3, 9)], {}, { rtol: 0, atol: 0 });
    await agree(minMax, [hostTensor('float32', [6], [NaN, 1, -Infinity, -2, Infinity, 0.5])], {}, { rtol: 0, atol: 0 });
  });

  it('cumsum, topk', async () => {
    await fc.assert(fc.asyncProperty(fc.array(dim, { minLength: 1, maxLength: 3 }), fc.nat(2), fc.boolean(), async (shape, d, largest) => {
      const axis = d % shape.length;
      await agree(cumsum, [randomTensor(shape, d)], { dim: axis });
      await agree(cumsum, [integers('bool', shape, d, 0, 1)], { dim: axis });
      await agree(topk, [integers('int64', shape, d, -2, 2)], { k: Math.ceil(shape[axis]! / 2), dim: axis, largest });
      await agree(topk, [randomTensor(shape, d)], { k: shape[axis]!, dim: axis, largest });
    }), { numRuns: 10 });
    await agree(topk, [hostTensor('float32', [5], [0, NaN, -1, 3, -0])], { k: 5, dim: 0, largest: true });
  });

  it('index_select, embedding, gather', async () => {
    await fc.assert(fc.asyncProperty(fc.array(dim, { minLength: 1, maxLength: 3 }), fc.nat(2), shapes, async (shape, d, indexShape) => {
      const axis = d % shape.length;
      const size = shape[axis]!;
      await agree(indexSelect, [randomTensor(shape, d), integers('int64', indexShape, d, -size, size - 1)], { dim: axis });
      await agree(gather, [randomTensor(shape, d), integers('int64', shape.map((s, k) => (k === axis ? 7 : s)), d, 0, size - 1)], { dim: axis });
    }), { numRuns: 15 });
    expect(() => runReference(indexSelect, [randomTensor([3], 1), hostTensor('int64', [1], [3])], { dim: 0 })).toThrow(/index 3 is out of range for a dimension of 3/);
  });

  it('pad', async () => {
    for (const mode of ['constant', 'reflect', 'replicate', 'circular'] as const) {
      await agree(pad, [randomTensor([2, 3, 4, 5], 1)], { padding: [1, 2, 3, 1], mode, value: 0.5 });
      await agree(pad, [integers('int64', [3, 4], 1, -9, 9)], { padding: [2, 0, 1, 2], mode, value: 7 });
    }
    await agree(pad, [randomTensor([3, 4], 1)], { padding: [-1, 2, 1, -1], mode: 'constant', value: -1 });
  });

  it('upsample', async () => {
    const larger = fc.integer({ min: 1, max: 12 });
    await fc.assert(fc.asyncProperty(dim, dim, larger, larger, fc.boolean(), async (h, w, oh, ow, alignCorners) => {
      const attrs = { outputSize: [oh, ow], scales: null, alignCorners };
      await agree(upsampleNearest2d, [randomTensor([2, 2, h, w], 1)], attrs);
      await agree(upsampleBilinear2d, [randomTensor([2, 2, h, w], 1)], attrs);
    }), { numRuns: 15 });
    await agree(upsampleBilinear2d, [randomTensor([1, 2, 5, 7], 1)], { outputSize: [7, 10], scales: [1.5, 1.5], alignCorners: false });
  });

  it('histogram', async () => {
    // Values in the middle of bins: edges may differ between devices.
    const x = hostTensor('float32', [999], Array.from({ length: 999 }, (_, i) => ((i * 37) % 40) / 4 - 1 + 0.125));
    for (const bins of [8, 16, 4096]) {
      const attrs = { bins, min: 0, max: 8 };
      const got = (await runOnDevice(device!, histogram, [x], attrs))[0]!;
      expectEqual(got, runReference(histogram, [x], attrs)[0]!);
      expect([...got.data].reduce((a, b) => a + b, 0)).toBe([...x.data].filter((v) => v >= 0 && v <= 8).length);
    }
  });

  it('conv_transpose2d', async () => {
    const small = fc.integer({ min: 1, max: 3 });
    await fc.assert(fc.asyncProperty(small, small, small, fc.nat(1), small, fc.constantFrom(1, 2), fc.boolean(), async (kh, kw, s, p, d, groups, bias) => {
      const attrs = { stride: [s, 1], padding: [p, 0], outputPadding: [s > 1 ? 1 : 0, 0], dilation: [d, 1], groups, activation: { kind: 'relu' as const, params: [] } };
      const inputs = [randomTensor([2, 4, 5, 4], 1), randomTensor([4, 3, kh, kw], 2), ...(bias ? [randomTensor([3 * groups], 3)] : [])];
      await agree(convTranspose2d, inputs, attrs);
    }), { numRuns: 20 });
  });

  it('empty tensors', async () => {
    const none = hostTensor('float32', [2, 0], []);
    await agree(binary, [none, none], { kind: 'add' });
    await agree(reduce, [none], { kind: 'sum', dims: [1], keepdim: false });
    await agree(reduce, [none], { kind: 'amax', dims: [0], keepdim: false });
    await agree(cumsum, [none], { dim: 1 });
    await agree(indexSelect, [randomTensor([3, 2], 1), hostTensor('int64', [0], [])], { dim: 0 });
  });
});
