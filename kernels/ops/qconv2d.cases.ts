import type { HostTensor } from '../tensor.ts';
import type { QConv2dAttrs } from './qconvShape.ts';
import { Random, randomEpilogue, randomQTensor, randomWeight } from './qtesting.ts';

/** A random convolution: dense, grouped, depthwise; any stride, padding, dilation, zero points and epilogue. */
export function randomConv(seed: number): { inputs: HostTensor[]; attrs: QConv2dAttrs } {
  const r = new Random(seed);
  const kind = r.pick(['dense', 'dense', 'grouped', 'depthwise'] as const);
  const groups = kind === 'dense' ? 1 : kind === 'grouped' ? r.int(2, 4) : r.int(2, 13);
  const perGroup = kind === 'depthwise' ? 1 : r.pick([1, 3, 4, 7, 8, r.int(1, 20)]);
  const outPerGroup = kind === 'depthwise' ? 1 : r.pick([1, 4, 8, r.int(1, 9)]);
  const [kH, kW] = [r.int(1, 4), r.int(1, 4)];
  const stride = [r.int(1, 3), r.int(1, 3)];
  const padding = [r.int(0, 3), r.int(0, 3)];
  const dilation = [r.int(1, 2), r.int(1, 2)];
  const size = (k: number, d: number): number => Math.max(1, dilation[d]! * (k - 1) + 1 - 2 * padding[d]!) + r.int(0, 9);
  const [h, w] = [size(kH, 0), size(kW, 1)];
  const x = randomQTensor(r, [r.int(1, 3), groups * perGroup, h, w]);
  const { weight, integers, scales } = randomWeight(r, [groups * outPerGroup, perGroup, kH, kW], r.int(0, 4) > 0);
  const out = (n: number, k: number, d: number): number => Math.floor((n + 2 * padding[d]! - dilation[d]! * (k - 1) - 1) / stride[d]!) + 1;
  const { epilogue, inputs } = randomEpilogue(r, x, scales, [x.meta.shape[0]!, groups * outPerGroup, out(h, kH, 0), out(w, kW, 1)]);
  const mayPair = kind === 'depthwise' && x.meta.dtype === 'quint8' && Array.from(integers.data.subarray(groups)).every((z) => z === 0);
  const pairs = mayPair && r.int(0, 1) === 1 ? { saturatePairs: true } : {};
  return { inputs: [x, weight, integers, ...inputs], attrs: { ...epilogue, stride, padding, dilation, groups, ...pairs } };
}
