import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../../kernels/layout.ts';
import { createObserver, type ObserverArgs, type ObserverName } from './index.ts';

const args: ObserverArgs = { dtype: 'quint8', qscheme: 'per_tensor_affine', reduceRange: false };

/** SQNR in dB of data through the 8-bit grid that an observer chooses for it. */
function sqnr(name: ObserverName, data: Float32Array): number {
  const observer = createObserver(name, args);
  observer.observe(hostTensor('float32', [data.length], data));
  const { scale: [scale], zeroPoint: [zero] } = observer.calculateQParams() as { scale: [number]; zeroPoint: [number] };
  let [signal, noise] = [0, 0];
  for (const v of data) {
    const q = Math.min(Math.max(Math.round(v / scale) + zero, 0), 255);
    signal += v * v;
    noise += (v - (q - zero) * scale) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

/** A bell, by a sum of uniform numbers from a fixed sequence. */
function bell(n: number): Float32Array {
  let state = 1;
  const next = (): number => { state = (state * 48271) % 2147483647; return state / 2147483647; };
  return Float32Array.from({ length: n }, () => next() + next() + next() + next() + next() + next() - 3);
}

describe('EntropyObserver', () => {
  it('does not clip away what a relu leaves, though most values are zero', () => {
    const relu = bell(20_000).map((v) => Math.max(v - 0.3, 0));
    expect(sqnr('EntropyObserver', relu)).toBeGreaterThan(sqnr('MinMaxObserver', relu) - 3.2);
  });

  it('narrows a range that a few outliers stretch', () => {
    const data = bell(20_000);
    data.set([40, -40, 35]);
    const observer = createObserver('EntropyObserver', args);
    observer.observe(hostTensor('float32', [data.length], data));
    const whole = createObserver('MinMaxObserver', args);
    whole.observe(hostTensor('float32', [data.length], data));
    expect(observer.calculateQParams().scale[0]!).toBeLessThan(0.3 * whole.calculateQParams().scale[0]!);
  });
});
