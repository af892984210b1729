import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32 } from '../op.ts';
import { isFloat, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';

/** What stands outside the tensor. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Attributes of pad: PyTorch's list, last dimension first, two numbers a dimension; negative ones crop (constant only). */
export interface PadAttrs { readonly padding: readonly number[]; readonly mode: PadMode; readonly value: number }

/** Padding before and after each dimension, in order. */
function sides(x: TensorMeta, attrs: PadAttrs): { before: number[]; shape: number[] } {
  const rank = x.shape.length;
  const pairs = attrs.padding.length / 2;
  if (!Number.isInteger(pairs) || pairs > rank || !attrs.padding.every(Number.isInteger)) {
    throw badAttribute('pad', `padding [${attrs.padding.join(', ')}] does not fit a tensor of ${rank} dimensions`, 'Give two integers a dimension, the last dimension first.');
  }
  const before = x.shape.map((_, d) => attrs.padding[2 * (rank - 1 - d)] ?? 0);
  const shape = x.shape.map((size, d) => {
    const after = attrs.padding[2 * (rank - 1 - d) + 1] ?? 0;
    const most = Math.max(before[d]!, after);
    if (attrs.mode === 'reflect' && most >= size && most > 0) throw badAttribute('pad', `reflection by ${most} needs a dimension larger than ${size}`);
    if (attrs.mode === 'circular' && most > size) throw badAttribute('pad', `wrapping by ${most} needs a dimension of at least that size, got ${size}`);
    if (attrs.mode === 'replicate' && most > 0 && size === 0) throw badAttribute('pad', 'there is no edge to replicate in an empty dimension');
    if (attrs.mode !== 'constant' && Math.min(before[d]!, after) < 0) throw badAttribute('pad', `negative padding needs mode constant, got ${attrs.mode}`);
    const total = size + before[d]! + after;
    if (total < 0) throw badAttribute('pad', `padding [${attrs.padding.join(', ')}] takes more from dimension ${d} than its ${size}`);
    return total;
  });
  return { before, shape };
}

/** Input place of an output place along one axis, or -1 for outside. */
function placeOf(at: number, size: number, mode: PadMode): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'constant': return -1;
    case 'reflect': return at < 0 ? -at : 2 * (size - 1) - at;
    case 'replicate': return at < 0 ? 0 : size - 1;
    case 'circular': return at < 0 ? at + size : at - size;
  }
}

/** torch.nn.functional.pad in n dimensions; any 4-byte dtype. */
export const pad = defineOp<PadAttrs>({
  name: 'pad',
  infer(inputs, attrs) {
    checkCount('pad', inputs, 1);
    const x = wordInput('pad', inputs, 0);
    return [makeMeta(x.dtype, sides(x, attrs).shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const { before, shape } = sides(x.meta, attrs);
    const rank = shape.length;
    // Storage step of each output place along each axis, or -1: found once, not for every element.
    const steps = shape.map((size, d) => Int32Array.from({ length: size }, (_, o) => {
      const p = placeOf(o - before[d]!, x.meta.shape[d]!, attrs.mode);
      return p < 0 ? -1 : p * x.meta.strides[d]!;
    }));
    let to = 0;
    const fill = (d: number, from: number): void => {
      if (d === rank) { outputs[0]!.data[to++] = from < 0 ? attrs.value : x.data[from]!; return; }
      for (const step of steps[d]!) fill(d + 1, from < 0 || step < 0 ? -1 : from + step);
    };
    fill(0, 0);
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const { before, shape } = sides(x, attrs);
    const rank = shape.length;
    const type = isFloat(x.dtype) ? 'f32' : 'i32';
    const outside = {
      constant: 'outside = true;', reflect: 'p = select(2 * (size - 1) - p, -p, p < 0);', replicate: 'p = clamp(p, 0, size - 1);',
      circular: 'p = select(p - size, p + size, p < 0);',
    }[attrs.mode];
    return [flatProgram({
      label: `pad.${attrs.mode}`,
      variant: `${type},r${rank}`,
      bindings: [{ name: 'x', type, buffer: input(0) }, { name: 'y', type, buffer: output(0) }],
      uniforms: {
        value: type === 'f32' ? { f32: attrs.value } : i32(attrs.value),
        ...Object.fromEntries(shape.flatMap((size, d) => [
          [`size${d}`, u32(size)], [`from${d}`, i32(x.shape[d]!)], [`before${d}`, i32(before[d]!)], [`stride${d}`, i32(x.strides[d]!)],
        ])),
      },
      invocations: n,
      body: () => `  var rest = i;
  var at = 0;
  var outside = false;
${Array.from({ length: rank }, (_, k) => rank - 1 - k).map((d) => `  {
    let size = u.from${d};
    var p = i32(rest % u.size${d}) - u.before${d};
    rest = rest / u.size${d};
    if (p < 0 || p >= size) { ${outside} }
    at += p * u.stride${d};
  }`).join('\n')}
  if (outside) { y[i] = u.value; } else { y[i] = x[at]; }`,
    })];
  },
});
