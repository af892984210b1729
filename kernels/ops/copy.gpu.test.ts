import fc from 'fast-check';
import { describe, it } from 'vitest';
import { contiguousStrides, hostTensor, storageElements } from '../layout.ts';
import { newHostArray, type DType, type HostTensor } from '../tensor.ts';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { cast } from './cast.ts';
import { copy, flip } from './copy.ts';
import { full } from './full.ts';

const device = await openTestGpu();

/** A tensor seen through a permutation, with a storage offset and every element known by its place. */
function strided(dtype: DType, shape: number[], seed: number, offset: number): HostTensor {
  const order = shape.map((_, d) => d).sort((a, b) => ((a * 7 + seed) % 5) - ((b * 7 + seed) % 5));
  const base = contiguousStrides(order.map((d) => shape[d]!));
  const strides = new Array<number>(shape.length);
  order.forEach((d, k) => { strides[d] = base[k]!; });
  const meta = { dtype, shape, strides, offset };
  const data = newHostArray(dtype, storageElements(meta));
  for (let i = 0; i < data.length; i++) data[i] = (i * 37 + seed) % 251;
  return { meta, data };
}

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 5 });
const dtypes = fc.constantFrom<DType>('float32', 'int64', 'bool', 'uint8', 'int8', 'quint8');

describe.skipIf(!device)('copy on the GPU', () => {
  it('agrees with the reference for every dtype, layout and permutation', async () => {
    await fc.assert(fc.asyncProperty(shapes, dtypes, fc.constantFrom('contiguous' as const, 'packed' as const), fc.nat(20), fc.nat(3), async (shape, dtype, layout, seed, offset) => {
      const x = strided(dtype, shape, seed, offset);
      expectEqual((await runOnDevice(device!, copy, [x], { layout }))[0]!, runReference(copy, [x], { layout })[0]!);
    }), { numRuns: 80 });
  });

  it('broadcasts through strides of zero', async () => {
    const x: HostTensor = { meta: { dtype: 'float32', shape: [3, 4], strides: [0, 1], offset: 0 }, data: new Float32Array([1, 2, 3, 4]) };
    expectEqual((await runOnDevice(device!, copy, [x], { layout: 'contiguous' }))[0]!, hostTensor('float32', [3, 4], [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]));
  });

  it('flips', async () => {
    await fc.assert(fc.asyncProperty(shapes, dtypes, fc.nat(31), async (shape, dtype, mask) => {
      const dims = shape.map((_, d) => d).filter((d) => (mask >> d) & 1);
      const x = strided(dtype, shape, mask, 1);
      expectEqual((await runOnDevice(device!, flip, [x], { dims }))[0]!, runReference(flip, [x], { dims })[0]!);
    }), { numRuns: 30 });
  });

  it('fills', async () => {
    for (const dtype of ['float32', 'bool', 'uint8', 'int8', 'int64'] as const) {
      const attrs = { dtype, shape: [3, 5], value: -2 };
      expectEqual((await runOnDevice(device!, full, [], attrs))[0]!, runReference(full, [], attrs)[0]!);
    }
  });

  it('copies and casts nothing of an empty tensor', async () => {
    const x = hostTensor('float32', [2, 0, 3], []);
    expectEqual((await runOnDevice(device!, copy, [x], { layout: 'contiguous' }))[0]!, x);
    expectEqual((await runOnDevice(device!, cast, [x], { dtype: 'int64' }))[0]!, hostTensor('int64', [2, 0, 3], []));
  });

  it('casts between all dtypes', async () => {
    const all = ['float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'uint8', 'int8', 'bool'] as const;
    for (const from of all) {
      const values = from === 'bool' ? [0, 1, 1, 0, 1] : from === 'uint8' ? [0, 1, 7, 200, 255] : from === 'int8' ? [-128, -1, 0, 5, 127]
        : from.startsWith('int') ? from === 'int16' ? [-32768, -1, 0, 300, 32767] : [-40000, -1, 0, 300, 70001] : [-1.5, 0, 0.3333333, 3e-6, 200.75, 1234.5678];
      const x = hostTensor(from, [values.length], values);
      for (const to of all) expectEqual((await runOnDevice(device!, cast, [x], { dtype: to }))[0]!, runReference(cast, [x], { dtype: to })[0]!);
    }
  }, 60000);
});
