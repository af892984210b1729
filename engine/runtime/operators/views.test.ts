import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { contiguousStrides, hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { numel } from '../../../kernels/tensor.ts';
import { EagerContext } from '../eagerContext.ts';
import { expand, permute, repeat, reshape, select, slice, squeeze, unsqueeze, viewStrides } from './views.ts';

const ctx = new EagerContext(new CpuDevice());
const iota = (shape: readonly number[]): Tensor => ctx.device.upload(hostTensor('float32', shape, Float32Array.from({ length: numel(shape) }, (_, i) => i)));
const read = async (t: Tensor): Promise<number[]> => [...toRowMajor(await ctx.read(t))];

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

/** Another shape of as many elements: dimensions merged and split by a seed. */
function regroup(shape: readonly number[], seed: number): number[] {
  const primes = shape.flatMap((d) => (d === 4 ? [2, 2] : d === 1 ? [] : [d]));
  const out: number[] = [];
  let current = 1;
  primes.forEach((p, i) => {
    current *= p;
    if ((seed >> i) & 1) { out.push(current); current = 1; }
  });
  return [...out, current];
}

describe('views', () => {
  it('reshape keeps the order of elements for any permutation, and copies only where it must', async () => {
    await fc.assert(fc.asyncProperty(shapes, fc.nat(), fc.nat(), async (shape, order, seed) => {
      const dims = shape.map((_, i) => i).sort((a, b) => ((a * 5 + order) % 7) - ((b * 5 + order) % 7));
      const turned = permute(ctx, iota(shape), dims);
      const want = regroup(turned.meta.shape, seed);
      const y = reshape(ctx, turned, want);
      expect(y.meta.shape).toEqual(want);
      expect(await read(y)).toEqual(await read(turned));
      expect(y.storage === turned.storage).toBe(viewStrides(turned.meta, want) !== null);
    }));
  });

  it('a contiguous tensor never needs a copy; a transposed one does to be flat', () => {
    expect(viewStrides({ dtype: 'float32', shape: [2, 3, 4], strides: contiguousStrides([2, 3, 4]), offset: 0 }, [6, 4])).toEqual([4, 1]);
    expect(viewStrides({ dtype: 'float32', shape: [3, 2], strides: [1, 3], offset: 0 }, [6])).toBeNull();
    expect(viewStrides({ dtype: 'float32', shape: [3, 2], strides: [1, 3], offset: 0 }, [3, 1, 2])).toEqual([1, 6, 3]);
  });

  it('slice, select, squeeze, expand and repeat show what PyTorch shows', async () => {
    const t = iota([2, 3, 4]);
    expect(await read(slice(ctx, t, 2, -3, Infinity, 2))).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23]);
    expect(slice(ctx, t, 1, 5, 9).meta.shape).toEqual([2, 0, 4]);
    expect(await read(select(ctx, t, 1, -1))).toEqual([8, 9, 10, 11, 20, 21, 22, 23]);
    expect(squeeze(ctx, unsqueeze(ctx, t, 1), [1]).meta).toEqual(t.meta);
    expect(await read(expand(ctx, iota([2, 1]), [-1, 3]))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(await read(repeat(ctx, iota([2]), [2, 2]))).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    expect(() => select(ctx, t, 0, 2)).toThrow(/out of range/);
    expect(() => reshape(ctx, t, [5, -1])).toThrow(/24 elements/);
  });
});
