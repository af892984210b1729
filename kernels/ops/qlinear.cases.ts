import type { HostTensor } from '../tensor.ts';
import type { QLinearAttrs } from './qlinear.ts';
import { Random, randomEpilogue, randomQTensor, randomWeight } from './qtesting.ts';

/** A random layer: any sizes, zero points and epilogue. */
export function randomLinear(seed: number): { inputs: HostTensor[]; attrs: QLinearAttrs } {
  const r = new Random(seed);
  const [m, k, o] = [r.int(1, 9), r.pick([1, 4, 17, r.int(1, 300)]), r.pick([1, 4, 10, r.int(1, 70)])];
  const x = randomQTensor(r, [m, k]);
  const { weight, integers, scales } = randomWeight(r, [o, k], r.int(0, 4) > 0);
  const { epilogue, inputs } = randomEpilogue(r, x, scales, [m, o]);
  return { inputs: [x, weight, integers, ...inputs], attrs: epilogue };
}
