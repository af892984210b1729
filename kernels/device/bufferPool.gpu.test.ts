import { describe, expect, it } from 'vitest';
import { openTestGpu } from '../testing/check.ts';
import { BufferPool } from './bufferPool.ts';
import type { GpuDevice } from './gpu.ts';

const device = (await openTestGpu()) as GpuDevice | null;

describe.skipIf(!device)('BufferPool', () => {
  it('destroys a buffer that it does not keep only when told that commands were sent', async () => {
    const { gpu } = device!;
    const pool = new BufferPool(gpu, 1024);
    const [from, to] = [pool.take(4096), pool.take(4096)];
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, 4096);
    pool.give(from);
    expect(pool).toMatchObject({ used: 4096, pooled: 0, crowded: true });
    gpu.pushErrorScope('validation');
    gpu.queue.submit([encoder.finish()]);
    expect(await gpu.popErrorScope()).toBeNull();
    pool.settle();
    expect(pool.crowded).toBe(false);
    const late = gpu.createCommandEncoder();
    late.copyBufferToBuffer(from, 0, to, 0, 4096);
    gpu.pushErrorScope('validation');
    gpu.queue.submit([late.finish()]);
    expect((await gpu.popErrorScope())?.message).toMatch(/destroyed/);
    pool.give(to);
    pool.destroy();
  });

  it('takes again what was given back, by size', () => {
    const pool = new BufferPool(device!.gpu);
    const a = pool.take(5000);
    pool.give(a);
    expect(pool.take(4990)).toBe(a);
    expect(pool.take(4990)).not.toBe(a);
  });
});
