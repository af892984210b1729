import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { copy } from '../ops/copy.ts';
import { CpuDevice } from './cpu.ts';
import { HostPool } from './hostPool.ts';

describe('HostPool', () => {
  it('never holds more than it may, nor gives one buffer twice', () => {
    fc.assert(fc.property(fc.array(fc.record({ size: fc.integer({ min: 1, max: 40 }), take: fc.boolean() }), { maxLength: 200 }), (calls) => {
      const pool = new HostPool(100);
      const inside = new Set<ArrayBuffer>();
      for (const { size, take } of calls) {
        if (take) {
          const buffer = pool.take(size);
          if (buffer) expect([inside.delete(buffer), buffer.byteLength]).toEqual([true, size]);
        } else {
          const buffer = new ArrayBuffer(size);
          inside.add(buffer);
          pool.give(buffer);
        }
        expect(pool.bytes).toBeLessThanOrEqual(100);
      }
    }));
  });

  it('gives results of ops anew, and leaves what was uploaded to its owner', () => {
    const device = new CpuDevice();
    const data = Float32Array.of(1, 2, 3, 4);
    const given = device.upload(hostTensor('float32', [4], data), { take: true });
    const [first] = device.run(copy, [given], { layout: 'contiguous' });
    first!.storage.release();
    expect(device.memory().pooled).toBe(16);
    given.storage.release();
    expect(device.memory().pooled).toBe(16);
    expect([...data]).toEqual([1, 2, 3, 4]);
    device.empty(first!.meta);
    expect(device.memory().pooled).toBe(0);
  });
});
