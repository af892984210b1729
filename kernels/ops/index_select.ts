import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type ProgramBuffer } from '../op.ts';
import { QuantbenchError } from '../errors.ts';
import { describeMeta, isFloat, numel, type TensorMeta } from '../tensor.ts';
import { badDType, checkCount, normalizeDim, shapeMismatch, wordInput } from './checks.ts';
import { rowParts } from './parts.ts';
import { flatProgram, type Binding } from './program.ts';
import { linesOf } from './softmax.ts';

/** Attributes of index_select and gather: the dimension that is looked up. */
export interface IndexAttrs { readonly dim: number }

function checkIndex(op: string, inputs: readonly TensorMeta[]): [TensorMeta, TensorMeta] {
  checkCount(op, inputs, 2);
  const x = wordInput(op, inputs, 0);
  const index = wordInput(op, inputs, 1);
  if (isFloat(index.dtype)) throw badDType(op, `the index must hold integers, got ${describeMeta(index)}`);
  return [x, index];
}

/** A place counted from the front. Throws KERNEL_INDEX_RANGE. */
function placeOf(op: string, v: number, size: number): number {
  if (v < -size || v >= size) {
    throw new QuantbenchError('KERNEL_INDEX_RANGE', `${op}: index ${v} is out of range for a dimension of ${size}`, 'Check the indices that the model is fed, token ids for example.');
  }
  return v < 0 ? v + size : v;
}

/** WGSL: the place, or -1 where it is out of range (the result is then 0: a GPU cannot throw). */
const PLACE_WGSL = `fn placeOf(v: i32) -> i32 {
  let p = select(v, v + u.size, v < 0);
  return select(-1, p, p >= 0 && p < u.size);
}
`;

/**
 * Slices along a dimension by an index of any shape: torch.index_select (index [n]), embedding (dim 0, any shape), select by a tensor (index []).
 * Result x.shape[:dim] + index.shape + x.shape[dim + 1:]. Negative indices count from the end. An index out of range throws KERNEL_INDEX_RANGE on
 * the host and gives 0 on a GPU.
 */
export const indexSelect = defineOp<IndexAttrs>({
  name: 'index_select',
  infer(inputs, attrs) {
    const [x, index] = checkIndex('index_select', inputs);
    const dim = normalizeDim('index_select', attrs.dim, x.shape.length);
    return [makeMeta(x.dtype, [...x.shape.slice(0, dim), ...index.shape, ...x.shape.slice(dim + 1)])];
  },
  reference(inputs, outputs, attrs) {
    const [x, index] = inputs as [typeof inputs[0] & object, typeof inputs[0] & object];
    const s = linesOf(x.meta.shape, normalizeDim('index_select', attrs.dim, x.meta.shape.length));
    const count = numel(index.meta.shape);
    for (let o = 0; o < s.outer; o++) {
      for (let j = 0; j < count; j++) {
        const from = (o * s.length + placeOf('index_select', index.data[j]!, s.length)) * s.inner;
        outputs[0]!.data.set(x.data.subarray(from, from + s.inner), (o * count + j) * s.inner);
      }
    }
  },
  programs(inputs, outputs, attrs, caps) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const dim = normalizeDim('index_select', attrs.dim, inputs[0]!.shape.length);
    const s = linesOf(inputs[0]!.shape, dim);
    const uniforms = { size: i32(s.length), inner: u32(s.inner), count: u32(numel(inputs[1]!.shape)) };
    const bindings = (x: ProgramBuffer): Binding[] =>
      [{ name: 'x', type: 'u32', buffer: x }, { name: 'index', type: 'i32', buffer: input(1) }, { name: 'y', type: 'u32', buffer: output(0) }];
    const parts = dim === 0 && inputs[0]!.shape.length > 0 ? rowParts(0, inputs[0]!, caps) : [];
    if (parts.length > 1) {
      // A table that cannot be bound at once: each program fills in the rows of its part, the first one also the places that are out of range.
      return parts.map(({ first, count, buffer }) => flatProgram({
        label: 'index_select.part',
        bindings: bindings(buffer),
        uniforms: { ...uniforms, first: i32(first), rows: i32(count) },
        invocations: n,
        helpers: () => PLACE_WGSL,
        body: () => `  let place = placeOf(index[(i / u.inner) % u.count]);
  if (place < 0 && u.first == 0) { y[i] = 0u; }
  let row = place - u.first;
  if (place < 0 || row < 0 || row >= u.rows) { return; }
  y[i] = x[u32(row) * u.inner + i % u.inner];`,
      }));
    }
    return [flatProgram({
      label: 'index_select.direct',
      bindings: bindings(input(0)),
      uniforms,
      invocations: n,
      helpers: () => PLACE_WGSL,
      body: () => `  let row = i / u.inner;
  let place = placeOf(index[row % u.count]);
  if (place < 0) { y[i] = 0u; return; }
  y[i] = x[((row / u.count) * u32(u.size) + u32(place)) * u.inner + i % u.inner];`,
    })];
  },
});

/** torch.gather: y[i][j] = x[index[i][j]][j] for dim 0, and so on. index has x's rank and is no larger in any other dimension. */
export const gather = defineOp<IndexAttrs>({
  name: 'gather',
  infer(inputs, attrs) {
    const [x, index] = checkIndex('gather', inputs);
    const dim = normalizeDim('gather', attrs.dim, x.shape.length);
    if (index.shape.length !== x.shape.length || index.shape.some((d, k) => k !== dim && d > x.shape[k]!)) {
      throw shapeMismatch('gather', `index ${describeMeta(index)} does not fit ${describeMeta(x)} outside of dimension ${dim}`);
    }
    return [makeMeta(x.dtype, index.shape)];
  },
  reference(inputs, outputs, attrs) {
    const [x, index] = inputs as [typeof inputs[0] & object, typeof inputs[0] & object];
    const { shape, strides } = index.meta;
    const dim = normalizeDim('gather', attrs.dim, shape.length);
    const n = numel(shape);
    for (let i = 0; i < n; i++) {
      let from = 0;
      for (let d = 0; d < shape.length; d++) {
        const at = d === dim ? placeOf('gather', index.data[i]!, x.meta.shape[d]!) : Math.floor(i / strides[d]!) % shape[d]!;
        from += at * x.meta.strides[d]!;
      }
      outputs[0]!.data[i] = x.data[from]!;
    }
  },
  programs(inputs, outputs, attrs) {
    const [x, index] = inputs as [TensorMeta, TensorMeta];
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const rank = x.shape.length;
    const dim = normalizeDim('gather', attrs.dim, rank);
    const each = x.shape.map((_, d) => d).filter((d) => d !== dim);
    return [flatProgram({
      label: 'gather.direct',
      variant: `r${rank},d${dim}`,
      bindings: [{ name: 'x', type: 'u32', buffer: input(0) }, { name: 'index', type: 'i32', buffer: input(1) }, { name: 'y', type: 'u32', buffer: output(0) }],
      uniforms: {
        size: i32(x.shape[dim] ?? 1), step: u32(x.strides[dim] ?? 1),
        ...Object.fromEntries(each.flatMap((d) => [[`from${d}`, u32(x.strides[d]!)], [`to${d}`, u32(index.strides[d]!)], [`size${d}`, u32(index.shape[d]!)]])),
      },
      invocations: n,
      helpers: () => PLACE_WGSL,
      body: () => `  let place = placeOf(index[i]);
  if (place < 0) { y[i] = 0u; return; }
  y[i] = x[${[`u32(place) * u.step`, ...each.map((d) => `((i / u.to${d}) % u.size${d}) * u.from${d}`)].join(' + ')}];`,
    })];
  },
});
