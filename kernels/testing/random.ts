import { hostTensor } from '../layout.ts';
import { numel, type HostTensor } from '../tensor.ts';

/** float32 values in [low, high) from a small generator (Park and Miller), the same for the same seed. */
export function randomTensor(shape: readonly number[], seed: number, low = -1, high = 1): HostTensor {
  let state = (seed * 7919 + 12345) % 2147483647 || 1;
  const values = Array.from({ length: numel(shape) }, () => {
    state = (state * 48271) % 2147483647;
    return low + ((high - low) * state) / 2147483647;
  });
  return hostTensor('float32', shape, values);
}
