import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import type { HostTensor } from '../tensor.ts';
import { expectClose, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { conv2d } from './conv2d.ts';
import type { Conv2dAttrs } from './convSizes.ts';
import { convCases, type ConvCase } from './conv2d.cases.ts';

/** The textbook sum, element by element. */
function naive({ x, weight, bias, residual, attrs }: ConvCase, shape: readonly number[]): HostTensor {
  const [, c, h, w] = x.meta.shape as [number, number, number, number];
  const [oc, cg, kh, kw] = weight.meta.shape as [number, number, number, number];
  const [, , oh, ow] = shape as [number, number, number, number];
  const values: number[] = [];
  for (let i = 0; i < shape.reduce((p, d) => p * d, 1); i++) {
    const ox = i % ow, oy = Math.floor(i / ow) % oh, o = Math.floor(i / (ow * oh)) % oc, n = Math.floor(i / (ow * oh * oc));
    const g = Math.floor(o / (oc / attrs.groups));
    let sum = bias?.data[o] ?? 0;
    for (let ci = 0; ci < cg; ci++) for (let ky = 0; ky < kh; ky++) for (let kx = 0; kx < kw; kx++) {
      const iy = oy * attrs.stride[0]! - attrs.padding[0]! + ky * attrs.dilation[0]!;
      const ix = ox * attrs.stride[1]! - attrs.padding[1]! + kx * attrs.dilation[1]!;
      if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
      sum += x.data[((n * c + g * cg + ci) * h + iy) * w + ix]! * weight.data[((o * cg + ci) * kh + ky) * kw + kx]!;
    }
    sum += residual?.data[i] ?? 0;
    values.push(attrs.activation?.kind === 'relu' ? Math.max(0, sum) : sum);
  }
  return hostTensor('float32', shape, values);
}

const plain: Conv2dAttrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

describe('conv2d', () => {
  it('is the textbook sum for any stride, padding, dilation and groups', () => {
    fc.assert(fc.property(convCases, (c) => {
      const y = runReference(conv2d, c.inputs, c.attrs)[0]!;
      expectClose(y, naive(c, y.meta.shape), { rtol: 1e-6, atol: 1e-6 });
    }), { numRuns: 150 });
  });

  it('says which sizes disagree', () => {
    expect(() => conv2d.infer([randomTensor([1, 3, 8, 8], 1).meta, randomTensor([4, 2, 3, 3], 1).meta], plain)).toThrow(/needs 2 input channels, got float32\[1, 3, 8, 8\]/);
    expect(() => conv2d.infer([randomTensor([1, 2, 2, 2], 1).meta, randomTensor([4, 2, 3, 3], 1).meta], plain)).toThrow(/larger than the padded input/);
    expect(() => conv2d.infer([randomTensor([1, 2, 4, 4], 1).meta, randomTensor([4, 2, 3, 3], 1).meta], { ...plain, groups: 3 })).toThrow(/groups 3/);
    expect(() => conv2d.infer([randomTensor([1, 2, 4, 4], 1).meta, randomTensor([4, 2, 3, 3], 1).meta, randomTensor([3], 1).meta], plain)).toThrow(/bias/);
  });

  it('takes an empty batch', () => {
    expect(runReference(conv2d, [randomTensor([0, 2, 4, 4], 1), randomTensor([4, 2, 3, 3], 1)], plain)[0]!.meta.shape).toEqual([0, 4, 2, 2]);
  });
});
