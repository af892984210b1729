import { ceil4, makeMeta, type Layout } from '../layout.ts';
import { defineOp, input, output, u32, type Program } from '../op.ts';
import { elementBytes, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, inputAt } from './checks.ts';
import { flatProgram } from './program.ts';
import { collapse, copyStrided, walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** Which layout the copy lies in. */
export interface CopyAttrs { readonly layout: Exclude<Layout, 'any'> }

/**
 * Copies a tensor of any dtype and any strides into a layout; dtype and qparams stay. Padding of the `packed` layout is written as zero.
 * Rank up to 8.
 */
export const copy = defineOp<CopyAttrs>({
  name: 'copy',
  layouts: () => ['any'],
  infer(inputs, attrs) {
    checkCount('copy', inputs, 1);
    const x = inputAt('copy', inputs, 0);
    if (x.shape.length > 8) throw badAttribute('copy', `at most 8 dimensions, got ${x.shape.length}`);
    return [makeMeta(x.dtype, x.shape, attrs.layout, x.q)];
  },
  reference(inputs, outputs) {
    const x = inputs[0]!;
    const y = outputs[0]!;
    y.data.fill(0);
    copyStrided(y.data, y.meta.strides, y.meta.offset, x.data, x.meta.strides, x.meta.offset, x.meta.shape);
  },
  programs(inputs, _outputs, attrs) {
    return copyPrograms('copy', inputs[0]!, attrs.layout, inputs[0]!.strides, inputs[0]!.offset);
  },
});

/** Attributes of `flip`: the dimensions whose order is reversed. */
export interface FlipAttrs { readonly dims: readonly number[] }

/** torch.flip: any dtype, contiguous result. Dims must be non-negative. */
export const flip = defineOp<FlipAttrs>({
  name: 'flip',
  layouts: () => ['any'],
  infer(inputs, attrs) {
    checkCount('flip', inputs, 1);
    const x = inputAt('flip', inputs, 0);
    for (const d of attrs.dims) {
      if (!Number.isInteger(d) || d < 0 || d >= x.shape.length) throw badAttribute('flip', `dim ${d} is out of range for ${x.shape.length} dimensions`);
    }
    return [makeMeta(x.dtype, x.shape, 'contiguous', x.q)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const y = outputs[0]!;
    const { strides, offset } = flipped(x.meta, attrs);
    copyStrided(y.data, y.meta.strides, 0, x.data, strides, offset, x.meta.shape);
  },
  programs(inputs, _outputs, attrs) {
    const { strides, offset } = flipped(inputs[0]!, attrs);
    return copyPrograms('flip', inputs[0]!, 'contiguous', strides, offset);
  },
});

/** Strides and offset that walk a tensor backwards along some dims. */
function flipped(x: TensorMeta, attrs: FlipAttrs): { strides: number[]; offset: number } {
  let offset = x.offset;
  const strides = x.strides.map((s, d) => {
    if (!attrs.dims.includes(d)) return s;
    offset += s * Math.max(0, x.shape[d]! - 1);
    return -s;
  });
  return { strides, offset };
}

/** The order in which a layout stores its elements: axes with their source strides, the innermost with its padded size. */
function storageOrder(shape: readonly number[], layout: CopyAttrs['layout'], strides: readonly number[], offset: number): {
  outer: Walk; inner: { size: number; limit: number; stride: number };
} {
  const rank = shape.length;
  if (rank === 0) return { outer: { sizes: [], strides: [[]], offsets: [offset] }, inner: { size: 1, limit: 1, stride: 0 } };
  const order = layout === 'packed' && rank === 4 ? [0, 2, 3, 1] : shape.map((_, d) => d);
  const axes = order.slice(0, -1);
  const last = order[rank - 1]!;
  const limit = shape[last]!;
  return {
    outer: collapse({ sizes: axes.map((d) => shape[d]!), strides: [axes.map((d) => strides[d]!)], offsets: [offset] }),
    inner: { size: layout === 'packed' ? ceil4(limit) : limit, limit, stride: strides[last]! },
  };
}

/** Programs that gather a strided source into a contiguous or packed output, elements of one or four bytes. */
function copyPrograms(name: string, x: TensorMeta, layout: CopyAttrs['layout'], strides: readonly number[], offset: number): Program[] {
  if (numel(x.shape) === 0) return [];
  const { outer, inner } = storageOrder(x.shape, layout, strides, offset);
  const padded = inner.size !== inner.limit;
  const walk = padded ? outer : collapse({
    sizes: [...outer.sizes, inner.size], strides: [[...outer.strides[0]!, inner.stride]], offsets: outer.offsets,
  });
  const rank = walk.sizes.length;
  const bytes = elementBytes(x.dtype);
  const total = padded ? inner.size * outer.sizes.reduce((a, b) => a * b, 1) : numel(x.shape);
  // `at` gives the bits of the element at a place of the output's storage; padding reads as zero.
  const source = bytes === 4 ? 'src[srcIndex]' : '(src[srcIndex >> 2u] >> (u32(srcIndex & 3) * 8u)) & 255u';
  const helpers = (): string => `fn at(place: u32) -> u32 {
${padded ? '  let c = place % u.inner;\n  if (c >= u.limit) { return 0u; }\n  let flat = place / u.inner;' : '  let flat = place;'}
${walkWgsl(rank, ['src'], 'flat')}
${padded ? '  srcIndex += i32(c) * u.innerStride;' : ''}
  return ${source};
}
`;
  const body = bytes === 4
    ? '  dst[i] = at(i);'
    : `  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let place = i * 4u + k;
    if (place < u.total) { word |= at(place) << (k * 8u); }
  }
  dst[i] = word;`;
  return [flatProgram({
    label: `${name}.strided`,
    variant: `${bytes}b,r${rank}${padded ? ',padded' : ''}`,
    bindings: [{ name: 'src', type: 'u32', buffer: input(0) }, { name: 'dst', type: 'u32', buffer: output(0) }],
    uniforms: {
      total: u32(total), inner: u32(inner.size), limit: u32(inner.limit), innerStride: { i32: inner.stride }, ...walkUniforms(walk, ['src']),
    },
    invocations: bytes === 4 ? total : Math.ceil(total / 4),
    helpers,
    body: () => body,
  })];
}
