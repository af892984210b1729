import fc from 'fast-check';
import type { HostTensor } from '../tensor.ts';
import { randomTensor } from '../testing/random.ts';
import type { Conv2dAttrs } from './convSizes.ts';

/** A random convolution, its inputs in the operator's order. */
export interface ConvCase {
  readonly x: HostTensor; readonly weight: HostTensor; readonly bias?: HostTensor; readonly residual?: HostTensor;
  readonly attrs: Conv2dAttrs; readonly inputs: readonly HostTensor[];
}

const small = fc.integer({ min: 1, max: 3 });

/** Convolutions of all kinds: dense, grouped, depthwise with a multiplier; with and without bias, residual and activation. */
export const convCases: fc.Arbitrary<ConvCase> = fc.record({
  n: fc.integer({ min: 1, max: 2 }), groups: fc.constantFrom(1, 1, 2, 3, 8), cg: fc.integer({ min: 1, max: 5 }), og: fc.integer({ min: 1, max: 10 }),
  kernel: fc.tuple(small, small), stride: fc.tuple(small, small), dilation: fc.tuple(small, small),
  padding: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
  spare: fc.tuple(fc.nat(9), fc.nat(9)), even: fc.boolean(), bias: fc.boolean(), add: fc.boolean(), relu: fc.boolean(), seed: fc.nat(1000),
}).map((r) => {
  // The input is at least as large as the dilated kernel, so that every case is valid.
  const size = [0, 1].map((d) => r.dilation[d]! * (r.kernel[d]! - 1) + 1 + r.spare[d]!) as [number, number];
  const padding = r.even ? [r.padding[0], r.padding[1]] : r.padding;
  const attrs: Conv2dAttrs = {
    stride: r.stride, padding, dilation: r.dilation, groups: r.groups, add: r.add, activation: r.relu ? { kind: 'relu', params: [] } : null,
  };
  const out = [0, 1].map((d) => {
    const padded = size[d]! + padding[d]! + (padding[d + 2] ?? padding[d]!);
    return Math.floor((padded - r.dilation[d]! * (r.kernel[d]! - 1) - 1) / r.stride[d]!) + 1;
  });
  const x = randomTensor([r.n, r.groups * r.cg, ...size], r.seed);
  const weight = randomTensor([r.groups * r.og, r.cg, ...r.kernel], r.seed + 1);
  const bias = r.bias ? randomTensor([r.groups * r.og], r.seed + 2) : undefined;
  const residual = r.add ? randomTensor([r.n, r.groups * r.og, ...out], r.seed + 3) : undefined;
  return { x, weight, bias, residual, attrs, inputs: [x, weight, bias, residual].filter((t) => t !== undefined) };
});
