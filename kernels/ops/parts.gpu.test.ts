import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import type { GpuDevice } from '../device/gpu.ts';
import { hostTensor } from '../layout.ts';
import { randomTensor } from '../testing/random.ts';
import { indexSelect } from './index_select.ts';
import { linear } from './linear.ts';
import { rowParts } from './parts.ts';

const device = (await openTestGpu()) as GpuDevice | null;

describe.skipIf(!device)('weights that are larger than what can be bound', () => {
  const caps = device?.caps;
  // 40 KiB stand in for the 128 MiB of real adapters.
  beforeAll(() => { device!.caps = { ...caps!, maxBindingBytes: 40960 }; });
  afterAll(() => { device!.caps = caps!; });

  it.each([[1, true], [9, true], [40, false]])('linear of %i rows, bias %s', async (rows, bias) => {
    const inputs = [randomTensor([rows, 100], 1), randomTensor([200, 100], 2), ...(bias ? [randomTensor([200], 3)] : [])];
    expect(rowParts(1, inputs[1]!.meta, device!.caps).map((p) => p.count)).toEqual([64, 64, 64, 8]);
    const attrs = { activation: { kind: 'relu' as const, params: [] } };
    expectClose((await runOnDevice(device!, linear, inputs, attrs))[0]!, runReference(linear, inputs, attrs)[0]!, { rtol: 1e-5, atol: 1e-5 });
  });

  it('rows of a table, counted from either end', async () => {
    const inputs = [randomTensor([300, 50], 4), hostTensor('int64', [2, 4], [0, 299, -1, 191, 192, -300, 63, 64])];
    expect(rowParts(0, inputs[0]!.meta, device!.caps)).toHaveLength(2);
    expectClose((await runOnDevice(device!, indexSelect, inputs, { dim: 0 }))[0]!, runReference(indexSelect, inputs, { dim: 0 })[0]!, { rtol: 0, atol: 0 });
  });

  it('any other tensor is refused', async () => {
    const inputs = [randomTensor([20000], 5), hostTensor('int64', [1], [3])];
    await expect(runOnDevice(device!, indexSelect, [randomTensor([2, 10000], 6), hostTensor('int64', [1], [3])], { dim: 1 })).rejects.toMatchObject({ code: 'GPU_TENSOR_TOO_LARGE' });
    expect((await runOnDevice(device!, indexSelect, inputs, { dim: 0 }))[0]!.data[0]).toBe(inputs[0]!.data[3]);
  });
});
