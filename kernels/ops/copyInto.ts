import { makeMeta } from '../layout.ts';
import { defineOp, input, output } from '../op.ts';
import { elementBytes, numel } from '../tensor.ts';
import { badAttribute, badDType, checkCount, inputAt } from './checks.ts';
import { flatProgram } from './program.ts';
import { collapse, copyStrided, walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** Where the second input goes: strides and offset, in elements, of a region of the first input's storage that has the second's shape. */
export interface CopyIntoAttrs { readonly strides: readonly number[]; readonly offset: number }

/**
 * A storage with a strided region replaced: what an in-place op on a view leaves behind. Input 0 is the whole storage as a flat tensor, input 1
 * the region's new values (any strides, same dtype, elements of four bytes). Elements of the region must not overlap. Rank up to 8.
 */
export const copyInto = defineOp<CopyIntoAttrs>({
  name: 'copyInto',
  layouts: () => ['contiguous', 'any'],
  infer(inputs, attrs) {
    checkCount('copyInto', inputs, 2);
    const base = inputAt('copyInto', inputs, 0);
    const source = inputAt('copyInto', inputs, 1);
    if (elementBytes(base.dtype) !== 4 || elementBytes(source.dtype) !== 4 || base.dtype !== source.dtype) {
      throw badDType('copyInto', `needs two tensors of one dtype with elements of four bytes, got ${base.dtype} and ${source.dtype}`);
    }
    if (attrs.strides.length !== source.shape.length || source.shape.length > 8) {
      throw badAttribute('copyInto', `strides [${attrs.strides.join(', ')}] do not suit a source of ${source.shape.length} dimensions`);
    }
    const last = source.shape.reduce((at, d, i) => at + (d - 1) * attrs.strides[i]!, attrs.offset);
    if (numel(source.shape) > 0 && (last >= numel(base.shape) || attrs.offset < 0)) {
      throw badAttribute('copyInto', `the region ends at element ${last}, past the ${numel(base.shape)} of its storage`);
    }
    return [makeMeta(base.dtype, base.shape)];
  },
  reference(inputs, outputs, attrs) {
    const [base, source] = inputs as [typeof inputs[0] & object, typeof inputs[0] & object];
    const y = outputs[0]!;
    y.data.set(base.data.subarray(0, numel(base.meta.shape)));
    copyStrided(y.data, attrs.strides, attrs.offset, source.data, source.meta.strides, source.meta.offset, source.meta.shape);
  },
  programs(inputs, _outputs, attrs) {
    const base = inputs[0]!;
    const source = inputs[1]!;
    const n = numel(base.shape);
    if (n === 0) return [];
    const whole = flatProgram({
      label: 'copyInto.base',
      bindings: [{ name: 'src', type: 'u32', buffer: input(0) }, { name: 'dst', type: 'u32', buffer: output(0) }],
      invocations: n,
      body: () => '  dst[i] = src[i];',
    });
    const count = numel(source.shape);
    if (count === 0) return [whole];
    const walk: Walk = collapse({ sizes: source.shape, strides: [source.strides, attrs.strides], offsets: [source.offset, attrs.offset] });
    const rank = walk.sizes.length;
    return [whole, flatProgram({
      label: 'copyInto.region',
      variant: `r${rank}`,
      bindings: [{ name: 'src', type: 'u32', buffer: input(1) }, { name: 'dst', type: 'u32', buffer: output(0) }],
      uniforms: walkUniforms(walk, ['src', 'dst']),
      invocations: count,
      body: () => `${walkWgsl(rank, ['src', 'dst'])}\n  dst[dstIndex] = src[srcIndex];`,
    })];
  },
});
