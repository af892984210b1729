import { makeMeta } from '../layout.ts';
import { defineOp, input, output, type Program } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badDType, inputAt, normalizeDim, shapeMismatch, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { collapse, copyStrided, walkUniforms, walkWgsl } from './strided.ts';

/** Attributes of cat: the dimension along which tensors are joined. */
export interface CatAttrs { readonly dim: number }

/** Tensors of shape [0] are skipped, whatever the rank of the others: PyTorch's old rule for empty tensors. */
const skipped = (m: TensorMeta): boolean => m.shape.length === 1 && m.shape[0] === 0;

/** Where each input starts along the joined dimension, and the joined shape; shared with the int8 kernel. */
export function catPlan(op: string, inputs: readonly TensorMeta[], dim: number): { shape: number[]; axis: number; starts: number[] } {
  const first = inputs.find((m) => !skipped(m)) ?? inputAt(op, inputs, 0);
  const axis = normalizeDim(op, dim, first.shape.length);
  const starts: number[] = [];
  let total = 0;
  for (const m of inputs) {
    starts.push(total);
    if (skipped(m)) continue;
    if (m.shape.length !== first.shape.length || m.shape.some((d, k) => k !== axis && d !== first.shape[k])) {
      throw shapeMismatch(op, `cannot join ${describeMeta(first)} and ${describeMeta(m)} along dimension ${axis}`, 'All other sizes must agree.');
    }
    total += m.shape[axis] ?? 0;
  }
  return { shape: skipped(first) ? [total] : first.shape.map((d, k) => (k === axis ? total : d)), axis, starts };
}

/** torch.cat of any number of tensors of one 4-byte dtype, any strides. One dispatch an input, so the limit on bindings does not matter. */
export const cat = defineOp<CatAttrs>({
  name: 'cat',
  layouts: (inputs) => inputs.map(() => 'any'),
  infer(inputs, attrs) {
    const { dtype } = wordInput('cat', inputs, 0);
    inputs.forEach((m) => { if (m.dtype !== dtype) throw badDType('cat', `cannot join ${dtype} and ${m.dtype}`, 'Cast all to one type first.'); });
    return [makeMeta(dtype, catPlan('cat', inputs, attrs.dim).shape)];
  },
  reference(inputs, outputs, attrs) {
    const { axis, starts } = catPlan('cat', inputs.map((t) => t.meta), attrs.dim);
    const y = outputs[0]!;
    inputs.forEach((t, k) => {
      if (!skipped(t.meta)) copyStrided(y.data, y.meta.strides, starts[k]! * y.meta.strides[axis]!, t.data, t.meta.strides, t.meta.offset, t.meta.shape);
    });
  },
  programs(inputs, outputs, attrs) {
    const { axis, starts } = catPlan('cat', inputs, attrs.dim);
    const y = outputs[0]!;
    return inputs.flatMap((m, k): Program[] => {
      const n = numel(m.shape);
      if (n === 0) return [];
      const walk = collapse({ sizes: m.shape, strides: [m.strides, y.strides], offsets: [m.offset, starts[k]! * y.strides[axis]!] });
      return [flatProgram({
        label: 'cat.part',
        variant: `r${walk.sizes.length}`,
        bindings: [{ name: 'x', type: 'u32', buffer: input(k) }, { name: 'y', type: 'u32', buffer: output(0) }],
        uniforms: walkUniforms(walk, ['x', 'y']),
        invocations: n,
        body: () => `${walkWgsl(walk.sizes.length, ['x', 'y'])}\n  y[yIndex] = x[xIndex];`,
      })];
    });
  },
});
