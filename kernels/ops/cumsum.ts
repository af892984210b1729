import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32 } from '../op.ts';
import { isFloat, numel } from '../tensor.ts';
import { wgslType } from '../wgsl.ts';
import { checkCount, normalizeDim, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { linesOf } from './softmax.ts';

/** Attributes of cumsum: the dimension along which sums run, and whether it is products that run there. */
export interface CumsumAttrs { readonly dim: number; readonly product?: boolean }

/** torch.cumsum and torch.cumprod; ints and bools give int64. */
export const cumsum = defineOp<CumsumAttrs>({
  name: 'cumsum',
  infer(inputs, attrs) {
    checkCount('cumsum', inputs, 1);
    const x = wordInput('cumsum', inputs, 0);
    normalizeDim('cumsum', attrs.dim, x.shape.length);
    return [makeMeta(isFloat(x.dtype) ? x.dtype : 'int64', x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const s = linesOf(x.meta.shape, normalizeDim('cumsum', attrs.dim, x.meta.shape.length));
    for (let o = 0; o < s.outer; o++) {
      for (let i = 0; i < s.inner; i++) {
        let sum = attrs.product ? 1 : 0;
        for (let j = 0, k = o * s.length * s.inner + i; j < s.length; j++, k += s.inner) {
          sum = attrs.product ? sum * x.data[k]! : sum + x.data[k]!;
          outputs[0]!.data[k] = sum;
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    if (numel(x.shape) === 0) return [];
    const s = linesOf(x.shape, normalizeDim('cumsum', attrs.dim, x.shape.length));
    return [flatProgram({
      label: attrs.product ? 'cumsum.product' : 'cumsum.line',
      variant: wgslType(x.dtype),
      bindings: [{ name: 'x', type: wgslType(x.dtype), buffer: input(0) }, { name: 'y', type: wgslType(outputs[0]!.dtype), buffer: output(0) }],
      uniforms: { length: u32(s.length), inner: u32(s.inner) },
      invocations: s.outer * s.inner,
      body: () => `  let at = (i / u.inner) * u.length * u.inner + i % u.inner;
  var sum = ${attrs.product ? 1 : 0}${isFloat(x.dtype) ? '.0' : ''};
  for (var j = 0u; j < u.length; j++) {
    sum ${attrs.product ? '*=' : '+='} x[at + j * u.inner];
    y[at + j * u.inner] = sum;
  }`,
    })];
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});
