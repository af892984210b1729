import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { scatter as scatterKernel, type ScatterMode } from '../../../kernels/ops/scatter.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { contiguousStrides } from '../../../kernels/layout.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import { isTensor, type Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo, withInPlace } from './elementwise.ts';
import { fillLike, spelledOut } from './indexing.ts';
import { asTensor, computeType, operandArg } from './promote.ts';
import { clone, expand, reshape } from './views.ts';
import { badArgument, dimArg } from './support.ts';

/** Values joined with what stands at flat places of a tensor; shapes of places and values broadcast to each other's. */
export function scatterFlat(ctx: OpContext, op: string, t: Tensor, places: Tensor, values: Tensor, mode: ScatterMode): Tensor {
  const dtype = computeType(t.meta.dtype);
  const { shape } = places.meta;
  const flat = (x: Tensor): Tensor => reshape(ctx, x, [numel(x.meta.shape)], op);
  const joined = ctx.run(scatterKernel, [
    flat(castTo(ctx, t, dtype)), flat(castTo(ctx, places, 'int64')), flat(expand(ctx, castTo(ctx, castTo(ctx, values, t.meta.dtype), dtype), shape, op)),
  ], { mode })[0]!;
  return castTo(ctx, reshape(ctx, joined, t.meta.shape, op), t.meta.dtype);
}

const int = (value: number): { value: number; dtype: 'int64' } => ({ value, dtype: 'int64' });

/** Indices counted from the front. */
function fromFront(ctx: OpContext, index: Tensor, size: number): Tensor {
  const i = castTo(ctx, index, 'int64');
  return choose(ctx, runBinary(ctx, 'lt', i, int(0)), runBinary(ctx, 'add', i, int(size)), i);
}

/** 0, stride, 2 stride, ... along dimension `at` of `rank`. */
function ramp(ctx: OpContext, size: number, stride: number, at: number, rank: number): Tensor {
  const shape = Array.from({ length: rank }, (_, d) => (d === at ? size : 1));
  return ctx.fromHost('int64', shape, Array.from({ length: size }, (_, i) => i * stride));
}

/** Flat places in a row-major tensor of `shape` for an index of the same rank: along `dim` by the index, elsewhere by position. */
function placesAlong(ctx: OpContext, shape: readonly number[], dim: number, index: Tensor): Tensor {
  const strides = contiguousStrides(shape);
  let places = runBinary(ctx, 'mul', fromFront(ctx, index, shape[dim] ?? 1), int(strides[dim] ?? 1));
  shape.forEach((_, d) => {
    if (d !== dim) places = runBinary(ctx, 'add', places, ramp(ctx, index.meta.shape[d]!, strides[d]!, d, shape.length));
  });
  return places;
}

/** torch.index_put: places of advanced indexing get values, which broadcast; with accumulate they are added. */
async function indexPut(ctx: OpContext, a: Args): Promise<Tensor> {
  const t = a.tensor(0);
  const values = a.tensor(2);
  const [mask, ...more] = a.list(1);
  if (more.length === 0 && isTensor(mask) && mask.meta.dtype === 'bool' && !a.bool(3) && numel(values.meta.shape) === 1) {
    // A mask with a single value needs nobody to look into the mask.
    const lead = reshape(ctx, mask, [...mask.meta.shape, ...t.meta.shape.slice(mask.meta.shape.length).map(() => 1)], a.op);
    return choose(ctx, lead, reshape(ctx, values, [], a.op), t, t.meta.dtype);
  }
  const given = await spelledOut(ctx, a);
  const { shape } = t.meta;
  if (given.length > shape.length) throw badArgument(a.op, `${given.length} indices for a tensor of ${shape.length} dimensions`);
  const dims = given.flatMap((v, d) => (v ? [d] : []));
  if (dims.length === 0) return clone(ctx, castTo(ctx, expand(ctx, values, shape, a.op), t.meta.dtype));
  const together = broadcastShapes(a.op, ...dims.map((d) => given[d]!.meta.shape));
  const adjacent = dims.every((d, i) => d === dims[0]! + i);
  const lead = adjacent ? dims[0]! : 0;
  const rest = shape.map((_, d) => d).filter((d) => !dims.includes(d));
  // The result's dimensions: those before, the indices' own, those after.
  const rank = rest.length + together.length;
  const strides = contiguousStrides(shape);
  let places: Tensor = ramp(ctx, 1, 0, 0, rank);
  rest.forEach((d, i) => { places = runBinary(ctx, 'add', places, ramp(ctx, shape[d]!, strides[d]!, i < lead ? i : i + together.length, rank)); });
  for (const d of dims) {
    const index = runBinary(ctx, 'mul', fromFront(ctx, given[d]!, shape[d]!), int(strides[d]!));
    places = runBinary(ctx, 'add', places, reshape(ctx, index, [...index.meta.shape, ...new Array<number>(rest.length - lead).fill(1)], a.op));
  }
  return scatterFlat(ctx, a.op, t, places, values, a.bool(3) ? 'add' : 'set');
}

/** The part of `src` that the index covers, or one value for all. */
function sourceOf(ctx: OpContext, a: Args, index: Tensor): Tensor {
  const source = a.any(3);
  if (!isTensor(source)) return asTensor(ctx, operandArg(ctx, a, 3), a.tensor(0).meta.dtype);
  return ctx.view(source, { ...source.meta, shape: index.meta.shape });
}

function scatter(ctx: OpContext, a: Args, mode: ScatterMode): Tensor {
  const t = a.tensor(0);
  const index = a.tensor(2);
  return scatterFlat(ctx, a.op, t, placesAlong(ctx, t.meta.shape, dimArg(a, 1, t.meta.shape.length), index), sourceOf(ctx, a, index), mode);
}

const REDUCTIONS: Readonly<Record<string, ScatterMode>> = { add: 'add', multiply: 'mul', sum: 'add', prod: 'mul', amax: 'amax', amin: 'amin' };

function reductionOf(a: Args, index: number): ScatterMode {
  const mode = REDUCTIONS[a.string(index)];
  if (!mode) throw badArgument(a.op, `there is no reduction '${a.string(index)}'`);
  return mode;
}

/** torch.scatter_reduce; without include_self what stood at a place that is written to does not count. */
function scatterReduce(ctx: OpContext, a: Args): Tensor {
  const t = a.tensor(0);
  const index = a.tensor(2);
  const places = placesAlong(ctx, t.meta.shape, dimArg(a, 1, t.meta.shape.length), index);
  const source = sourceOf(ctx, a, index);
  const mean = a.string(4) === 'mean';
  const mode = mean ? 'add' : reductionOf(a, 4);
  const one = (value: number): Tensor => ctx.fromHost(t.meta.dtype, [], [value]);
  const neutral = mode === 'add' ? 0 : mode === 'mul' ? 1 : mode === 'amax' ? -Infinity : Infinity;
  const base = a.bool(5) ? t : scatterFlat(ctx, a.op, t, places, one(neutral), 'set');
  const total = scatterFlat(ctx, a.op, base, places, source, mode);
  if (!mean) return total;
  const start = a.bool(5) ? fillLike(ctx, t, 1) : scatterFlat(ctx, a.op, fillLike(ctx, t, 1), places, one(0), 'set');
  return castTo(ctx, divide(ctx, total, scatterFlat(ctx, a.op, start, places, one(1), 'add')), t.meta.dtype);
}

/** index_add, index_copy and index_fill: whole slices along one dimension. */
function bySlices(ctx: OpContext, a: Args, values: Tensor, mode: ScatterMode): Tensor {
  const t = a.tensor(0);
  const rank = t.meta.shape.length;
  const dim = dimArg(a, 1, rank);
  const count = numel(a.tensor(2).meta.shape);
  const column = reshape(ctx, a.tensor(2), t.meta.shape.map((_, d) => (d === dim ? count : 1)), a.op);
  const index = expand(ctx, column, t.meta.shape.map((size, d) => (d === dim ? count : size)), a.op);
  return scatterFlat(ctx, a.op, t, placesAlong(ctx, t.meta.shape, dim, index), values, mode);
}

/** torch.masked_scatter: places where the mask is true take the source's elements in order. Needs the mask's data. */
async function maskedScatter(ctx: OpContext, a: Args): Promise<Tensor> {
  const t = a.tensor(0);
  const mask = await ctx.read(ctx.toLayout(expand(ctx, castTo(ctx, a.tensor(1), 'bool'), t.meta.shape, a.op), 'contiguous'));
  const places: number[] = [];
  for (let i = 0; i < numel(t.meta.shape); i++) if (mask.data[i] !== 0) places.push(i);
  const source = reshape(ctx, a.tensor(2), [-1], a.op);
  if (numel(source.meta.shape) < places.length) throw badArgument(a.op, `the source has ${numel(source.meta.shape)} elements, the mask asks for ${places.length}`);
  return scatterFlat(ctx, a.op, t, ctx.fromHost('int64', [places.length], places), ctx.view(source, { ...source.meta, shape: [places.length] }), 'set');
}

const INDEX = ', int dim, Tensor index';

/** As withInPlace, for operators that wait for data. */
function laterInPlace(name: string, rest: string, run: (ctx: OpContext, a: Args) => Promise<Tensor>): Operator[] {
  return [
    { schema: `aten::${name}(Tensor self${rest}) -> Tensor`, run },
    { schema: `aten::${name}_(Tensor(a!) self${rest}) -> Tensor(a!)`, run: async (ctx, a) => ctx.assign(a.tensor(0), await run(ctx, a)), pure: false },
  ];
}

/** Writing to chosen places of a tensor. */
export const scatterOperators: Operator[] = [
  ...laterInPlace('index_put', ', Tensor?[] indices, Tensor values, bool accumulate=False', indexPut),
  ...laterInPlace('masked_scatter', ', Tensor mask, Tensor source', maskedScatter),
  ...operators({
    'aten::_index_put_impl_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False, bool unsafe=False) -> Tensor(a!)': async (ctx, a) =>
      ctx.assign(a.tensor(0), await indexPut(ctx, a)),
  }, { pure: false }),
  ...withInPlace('aten::scatter.src', `${INDEX}, Tensor src`, (ctx, a) => scatter(ctx, a, 'set')),
  ...withInPlace('aten::scatter.value', `${INDEX}, Scalar value`, (ctx, a) => scatter(ctx, a, 'set')),
  ...withInPlace('aten::scatter.reduce', `${INDEX}, Tensor src, *, str reduce`, (ctx, a) => scatter(ctx, a, reductionOf(a, 4))),
  ...withInPlace('aten::scatter.value_reduce', `${INDEX}, Scalar value, *, str reduce`, (ctx, a) => scatter(ctx, a, reductionOf(a, 4))),
  ...withInPlace('aten::scatter_add', `${INDEX}, Tensor src`, (ctx, a) => scatter(ctx, a, 'add')),
  ...withInPlace('aten::scatter_reduce.two', `${INDEX}, Tensor src, str reduce, *, bool include_self=True`, scatterReduce),
  ...withInPlace('aten::index_add', `${INDEX}, Tensor source, *, Scalar alpha=1`, (ctx, a) =>
    bySlices(ctx, a, a.number(4) === 1 ? a.tensor(3) : runBinary(ctx, 'mul', a.tensor(3), operandArg(ctx, a, 4)), 'add')),
  ...withInPlace('aten::index_copy', `${INDEX}, Tensor source`, (ctx, a) => bySlices(ctx, a, a.tensor(3), 'set')),
  ...withInPlace('aten::index_fill.int_Scalar', `${INDEX}, Scalar value`, (ctx, a) => bySlices(ctx, a, asTensor(ctx, operandArg(ctx, a, 3), a.tensor(0).meta.dtype), 'set')),
  ...withInPlace('aten::index_fill.int_Tensor', `${INDEX}, Tensor value`, (ctx, a) => bySlices(ctx, a, a.tensor(3), 'set')),
];
