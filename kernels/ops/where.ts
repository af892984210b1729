import { makeMeta } from '../layout.ts';
import { defineOp, input, output } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badDType, broadcastShapes, broadcastStrides, checkCount, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** where has no settings. */
export type WhereAttrs = Record<string, never>;

function walkOf(inputs: readonly TensorMeta[]): { shape: number[]; walk: Walk } {
  const shape = broadcastShapes('where', ...inputs.map((m) => m.shape));
  const strides = [makeMeta('float32', shape).strides, ...inputs.map((m) => broadcastStrides(m, shape))];
  return { shape, walk: collapse({ sizes: shape, strides, offsets: [0, ...inputs.map((m) => m.offset)] }) };
}

/**
 * torch.where(condition, x, y) with broadcasting, any strides; condition is bool, x and y share a 4-byte dtype. masked_fill is
 * where(mask, value, x).
 */
export const where = defineOp<WhereAttrs>({
  name: 'where',
  layouts: () => ['any', 'any', 'any'],
  infer(inputs) {
    checkCount('where', inputs, 3);
    const [condition, a, b] = [0, 1, 2].map((i) => wordInput('where', inputs, i)) as [TensorMeta, TensorMeta, TensorMeta];
    if (condition.dtype !== 'bool') throw badDType('where', `the condition must be bool, got ${describeMeta(condition)}`);
    if (a.dtype !== b.dtype) throw badDType('where', `cannot choose between ${describeMeta(a)} and ${describeMeta(b)}`, 'Cast both to one type first.');
    return [makeMeta(a.dtype, walkOf(inputs).shape)];
  },
  reference(inputs, outputs) {
    const { walk } = walkOf(inputs.map((t) => t.meta));
    const [c, a, b] = inputs.map((t) => t.data);
    const y = outputs[0]!.data;
    const inner = walk.sizes.length - 1;
    const count = inner < 0 ? 1 : walk.sizes[inner]!;
    const steps = walk.strides.map((s) => (inner < 0 ? 0 : s[inner]!));
    const row = (o: readonly number[]): void => {
      for (let i = 0; i < count; i++) {
        y[o[0]! + i] = c![o[1]! + i * steps[1]!] !== 0 ? a![o[2]! + i * steps[2]!]! : b![o[3]! + i * steps[3]!]!;
      }
    };
    if (inner < 0) row(walk.offsets);
    else forEachRow(walk, row);
  },
  programs(inputs, outputs) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const { walk } = walkOf(inputs);
    const names = ['c', 'a', 'b'];
    return [flatProgram({
      label: 'where.strided',
      variant: `r${walk.sizes.length}`,
      // Bits are moved, whatever they mean.
      bindings: [...names.map((name, k) => ({ name, type: 'u32' as const, buffer: input(k) })), { name: 'y', type: 'u32', buffer: output(0) }],
      uniforms: walkUniforms({ sizes: walk.sizes, strides: walk.strides.slice(1), offsets: walk.offsets.slice(1) }, names),
      invocations: n,
      body: () => `${walkWgsl(walk.sizes.length, names)}
  if (c[cIndex] != 0u) { y[i] = a[aIndex]; } else { y[i] = b[bIndex]; }`,
    })];
  },
});
