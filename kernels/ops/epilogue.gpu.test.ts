import { describe, expect, test } from 'vitest';
import { hostTensor } from '../layout.ts';
import type { HostTensor } from '../tensor.ts';
import { openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { conv2d } from './conv2d.ts';
import { linear } from './linear.ts';

const wave = (shape: readonly number[], step: number): HostTensor =>
  hostTensor('float32', shape, Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * step + 1)));
const relu = { kind: 'relu' as const, params: [] };

describe('a second tensor joined behind a convolution or linear', () => {
  for (const join of ['add', 'mul'] as const) {
    for (const activation of [null, relu]) {
      test(`${join}${activation ? ' and relu' : ''}: the GPU gives what the reference does, which is the ops one by one`, async (context) => {
        const device = await openTestGpu();
        if (!device) return context.skip();
        const settings = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
        const conv = [wave([2, 3, 6, 7], 0.7), wave([5, 3, 3, 3], 0.9), wave([5], 2)];
        const rows = [wave([4, 9], 0.7), wave([6, 9], 0.9), wave([6], 2)];
        const epilogue = { add: join === 'add', mul: join === 'mul', activation };
        for (const [plain, fused, other] of [
          [runReference(conv2d, conv, settings)[0]!, (r: HostTensor) => [conv2d, [...conv, r], { ...settings, ...epilogue }] as const, wave([2, 5, 6, 7], 0.3)],
          [runReference(linear, rows, {})[0]!, (r: HostTensor) => [linear, [...rows, r], epilogue] as const, wave([4, 6], 0.3)],
        ] as const) {
          const [op, inputs, attrs] = fused(other);
          const [reference] = runReference(op as typeof conv2d, inputs, attrs as never);
          const [gpu] = await runOnDevice(device, op as typeof conv2d, inputs, attrs as never);
          plain.data.forEach((v: number, i: number) => {
            const joined = join === 'add' ? v + other.data[i]! : v * other.data[i]!;
            const want = activation && joined < 0 ? 0 : joined;
            expect(reference!.data[i]).toBeCloseTo(want, 4);
            expect(gpu!.data[i]).toBeCloseTo(want, 4);
          });
        }
      });
    }
  }
});
