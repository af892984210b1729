import type { Tensor } from '../../../kernels/device/device.ts';
import { hasLayout } from '../../../kernels/layout.ts';
import { broadcastShapes, normalizeDim } from '../../../kernels/ops/checks.ts';
import { flip } from '../../../kernels/ops/copy.ts';
import { numel, type DType } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { promoteTypes, resultType } from './promote.ts';
import { badArgument, dimArg, dimsArg, dtypeOf, reView, scalarTypeOf } from './support.ts';
import {
  clone, diagonal, expand, flatten, inferSize, meshgrid, moveDims, permute, repeat, reshape, select, slice, splitEvery, splitSizes,
  squeeze, transpose, unbind, unsqueeze,
} from './views.ts';

const rank = (t: Tensor): number => t.meta.shape.length;
const likeShape = (a: Args, i: number): readonly number[] => a.tensor(i).meta.shape;

/** Parts of a dimension, as even as its size allows; the first ones are longer. */
function sections(ctx: OpContext, a: Args, dim: number, parts: number): Tensor[] {
  const length = a.tensor(0).meta.shape[dim]!;
  return splitSizes(ctx, a.tensor(0), dim, Array.from({ length: parts }, (_, i) => Math.floor(length / parts) + Number(i < length % parts)), a.op);
}

/** At least so many dimensions, new ones as numpy places them: a vector is a row, a matrix gets a last dimension. */
function atLeast(ctx: OpContext, t: Tensor, dims: number): Tensor {
  let x = t;
  if (rank(x) === 0 && dims > 0) x = unsqueeze(ctx, x, 0);
  if (rank(x) === 1 && dims > 1) x = unsqueeze(ctx, x, 0);
  return rank(x) === 2 && dims > 2 ? unsqueeze(ctx, x, 2) : x;
}

export const shapeOperators = operators({
  'aten::view(Tensor(a) self, int[] size) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::_unsafe_view(Tensor self, int[] size) -> Tensor': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::reshape(Tensor(a) self, int[] shape) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)': (ctx, a) =>
    flatten(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::unflatten.int(Tensor(a) self, int dim, int[] sizes) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const sizes = inferSize(a.op, a.numbers(2), t.meta.shape[dim]!);
    return reshape(ctx, t, [...t.meta.shape.slice(0, dim), ...sizes, ...t.meta.shape.slice(dim + 1)], a.op);
  },
  'aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::t(Tensor(a) self) -> Tensor(a)': (ctx, a) => (rank(a.tensor(0)) < 2 ? a.tensor(0) : transpose(ctx, a.tensor(0), 0, 1)),
  'aten::numpy_T(Tensor(a) self) -> Tensor(a)': (ctx, a) => permute(ctx, a.tensor(0), a.tensor(0).meta.shape.map((_, i) => rank(a.tensor(0)) - 1 - i)),
  'aten::mT(Tensor(a) self) -> Tensor(a)': (ctx, a) => transpose(ctx, a.tensor(0), rank(a.tensor(0)) - 2, rank(a.tensor(0)) - 1),
  'aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)': (ctx, a) =>
    permute(ctx, a.tensor(0), a.numbers(1).map((d) => normalizeDim(a.op, d, rank(a.tensor(0))))),
  'aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), dimsArg(a, 1, rank(a.tensor(0))), dimsArg(a, 2, rank(a.tensor(0)))),
  'aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), [dimArg(a, 1, rank(a.tensor(0)))], [dimArg(a, 2, rank(a.tensor(0)))]),
  'aten::squeeze(Tensor(a) self) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), a.tensor(0).meta.shape.map((_, i) => i)),
  'aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), [dimArg(a, 1, rank(a.tensor(0)))]),
  'aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), dimsArg(a, 1, rank(a.tensor(0)))),
  'aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)': (ctx, a) => unsqueeze(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0)) + 1)),
  'aten::expand(Tensor(a) self, int[] size, *, bool implicit=False) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::broadcast_to(Tensor(a) self, int[] size) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::broadcast_tensors(Tensor[] tensors) -> Tensor[]': (ctx, a) => {
    const shape = broadcastShapes(a.op, ...a.tensors(0).map((t) => t.meta.shape));
    return a.tensors(0).map((t) => expand(ctx, t, shape, a.op));
  },
  'aten::select.int(Tensor(a) self, int dim, int index) -> Tensor(a)': (ctx, a) => select(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.number(2)),
  'aten::slice.Tensor(Tensor(a) self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor(a)': (ctx, a) =>
    slice(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.optionalNumber(2) ?? 0, a.optionalNumber(3) ?? Infinity, a.number(4)),
  'aten::narrow(Tensor(a) self, int dim, int start, int length) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const from = a.number(2) < 0 ? a.number(2) + t.meta.shape[dim]! : a.number(2);
    return slice(ctx, t, dim, from, from + a.number(3));
  },
  'aten::chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]': (ctx, a) => {
    const dim = dimArg(a, 2, rank(a.tensor(0)));
    return splitEvery(ctx, a.tensor(0), dim, Math.ceil(a.tensor(0).meta.shape[dim]! / a.number(1)));
  },
  'aten::split.Tensor(Tensor(a) self, int split_size, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitEvery(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.number(1)),
  'aten::split.sizes(Tensor(a) self, int[] split_size, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitSizes(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.numbers(1), a.op),
  'aten::split(Tensor(a -> *) self, int[] split_sizes, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitSizes(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.numbers(1), a.op),
  'aten::unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]': (ctx, a) => {
    const dim = dimArg(a, 2, rank(a.tensor(0)));
    return splitEvery(ctx, a.tensor(0), dim, Math.ceil(a.tensor(0).meta.shape[dim]! / a.number(1)));
  },
  'aten::unsafe_split.Tensor(Tensor self, int split_size, int dim=0) -> Tensor[]': (ctx, a) =>
    splitEvery(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.number(1)),
  'aten::tensor_split.indices(Tensor(a -> *) self, int[] indices, int dim=0) -> Tensor(a)[]': (ctx, a) => {
    const dim = dimArg(a, 2, rank(a.tensor(0)));
    const ends = [...a.numbers(1), a.tensor(0).meta.shape[dim]!];
    return ends.map((end, i) => slice(ctx, a.tensor(0), dim, i === 0 ? 0 : ends[i - 1]!, end));
  },
  'aten::as_strided(Tensor(a) self, int[] size, int[] stride, int? storage_offset=None) -> Tensor(a)': (ctx, a) =>
    reView(ctx, ctx.toLayout(a.tensor(0), 'contiguous'), a.numbers(1), a.numbers(2), a.optionalNumber(3) ?? 0),
  'aten::resolve_conj(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::positive(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::real(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::lift(Tensor self) -> Tensor': (_ctx, a) => a.tensor(0),
  'aten::meshgrid(Tensor[] tensors) -> Tensor[]': (ctx, a) => meshgrid(ctx, a.tensors(0), 'ij'),
  'aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]': (ctx, a) => meshgrid(ctx, a.tensors(0), a.string(1)),
  'aten::split_with_sizes(Tensor(a) self, int[] split_sizes, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitSizes(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.numbers(1), a.op),
  'aten::tensor_split.sections(Tensor(a) self, int sections, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    sections(ctx, a, dimArg(a, 2, rank(a.tensor(0))), a.number(1)),
  'aten::unbind.int(Tensor(a) self, int dim=0) -> Tensor(a)[]': (ctx, a) => unbind(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0)))),
  'aten::mH(Tensor(a) self) -> Tensor(a)': (ctx, a) => transpose(ctx, a.tensor(0), rank(a.tensor(0)) - 2, rank(a.tensor(0)) - 1),
  'aten::adjoint(Tensor(a) self) -> Tensor(a)': (ctx, a) => transpose(ctx, a.tensor(0), rank(a.tensor(0)) - 2, rank(a.tensor(0)) - 1),
  'aten::matrix_H(Tensor(a) self) -> Tensor(a)': (ctx, a) => transpose(ctx, a.tensor(0), 0, 1),
  'aten::moveaxis.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), dimsArg(a, 1, rank(a.tensor(0))), dimsArg(a, 2, rank(a.tensor(0)))),
  'aten::moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), [dimArg(a, 1, rank(a.tensor(0)))], [dimArg(a, 2, rank(a.tensor(0)))]),
  'aten::ravel(Tensor(a) self) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), [-1], a.op),
  'aten::_reshape_alias(Tensor(a) self, int[] size, int[] stride) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::atleast_1d(Tensor self) -> Tensor': (ctx, a) => atLeast(ctx, a.tensor(0), 1),
  'aten::atleast_2d(Tensor self) -> Tensor': (ctx, a) => atLeast(ctx, a.tensor(0), 2),
  'aten::atleast_3d(Tensor self) -> Tensor': (ctx, a) => atLeast(ctx, a.tensor(0), 3),
  'aten::hsplit.int(Tensor(a) self, int sections) -> Tensor(a)[]': (ctx, a) => sections(ctx, a, rank(a.tensor(0)) === 1 ? 0 : 1, a.number(1)),
  'aten::vsplit.int(Tensor(a) self, int sections) -> Tensor(a)[]': (ctx, a) => sections(ctx, a, 0, a.number(1)),
  'aten::dsplit.int(Tensor(a) self, int sections) -> Tensor(a)[]': (ctx, a) => sections(ctx, a, 2, a.number(1)),
  'aten::narrow.Tensor(Tensor(a) self, int dim, Tensor start, int length) -> Tensor(a)': async (ctx, a) => {
    const host = await ctx.read(a.tensor(2));
    const dim = dimArg(a, 1, rank(a.tensor(0)));
    const at = host.data[host.meta.offset]!;
    const from = at < 0 ? at + a.tensor(0).meta.shape[dim]! : at;
    return slice(ctx, a.tensor(0), dim, from, from + a.number(3));
  },
  'aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const [size, step] = [a.number(2), a.number(3)];
    if (size > t.meta.shape[dim]!) throw badArgument(a.op, `size ${size} is larger than ${t.meta.shape[dim]} in dimension ${dim}`);
    const windows = Math.floor((t.meta.shape[dim]! - size) / step) + 1;
    const stride = t.meta.strides[dim]!;
    const strides = t.meta.strides.map((s, i) => (i === dim ? s * step : s));
    return reView(ctx, t, [...t.meta.shape.map((d, i) => (i === dim ? windows : d)), size], [...strides, stride]);
  },
  'aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)': (ctx, a) =>
    diagonal(ctx, a.tensor(0), a.number(1), dimArg(a, 2, rank(a.tensor(0))), dimArg(a, 3, rank(a.tensor(0)))),
  'aten::alias(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::detach(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::contiguous(Tensor(a) self, *, int memory_format=0) -> Tensor(a)': (ctx, a) => ctx.toLayout(a.tensor(0), 'contiguous'),
});

export const copyingShapeOperators = operators({
  'aten::clone(Tensor self, *, int? memory_format=None) -> Tensor': (ctx, a) => clone(ctx, a.tensor(0)),
  'aten::flip(Tensor self, int[] dims) -> Tensor': (ctx, a) => ctx.run(flip, [a.tensor(0)], { dims: dimsArg(a, 1, rank(a.tensor(0))) })[0]!,
  'aten::fliplr(Tensor self) -> Tensor': (ctx, a) => ctx.run(flip, [a.tensor(0)], { dims: [1] })[0]!,
  'aten::flipud(Tensor self) -> Tensor': (ctx, a) => ctx.run(flip, [a.tensor(0)], { dims: [0] })[0]!,
  'aten::rot90(Tensor self, int k=1, int[] dims=[0,1]) -> Tensor': (ctx, a) => {
    const t = a.tensor(0);
    const [d0, d1] = dimsArg(a, 2, rank(t)) as [number, number];
    const turned = (dims: readonly number[]): Tensor => ctx.run(flip, [t], { dims })[0]!;
    switch (((a.number(1) % 4) + 4) % 4) {
      case 1: return transpose(ctx, turned([d1]), d0, d1);
      case 2: return turned([d0, d1]);
      case 3: return transpose(ctx, turned([d0]), d0, d1);
      default: return clone(ctx, t);
    }
  },
  'aten::repeat(Tensor self, int[] repeats) -> Tensor': (ctx, a) => repeat(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::tile(Tensor self, int[] dims) -> Tensor': (ctx, a) => {
    const dims = a.numbers(1);
    return repeat(ctx, a.tensor(0), [...new Array<number>(Math.max(0, rank(a.tensor(0)) - dims.length)).fill(1), ...dims], a.op);
  },
  'aten::repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor': (ctx, a) => {
    const flat = a.isNone(2) ? reshape(ctx, a.tensor(0), [-1]) : a.tensor(0);
    const dim = a.isNone(2) ? 0 : dimArg(a, 2, rank(flat));
    const wide = unsqueeze(ctx, flat, dim + 1);
    const spread = expand(ctx, wide, wide.meta.shape.map((d, i) => (i === dim + 1 ? a.number(1) : d)));
    return reshape(ctx, spread, flat.meta.shape.map((d, i) => (i === dim ? d * a.number(1) : d)), a.op);
  },
});

/** Bytes of an element as PyTorch stores it, whatever it takes here. */
const BYTES: Readonly<Record<DType, number>> = {
  float32: 4, float64: 8, float16: 2, bfloat16: 2, int64: 8, int32: 4, int16: 2, uint8: 1, int8: 1, bool: 1, quint8: 1, qint8: 1, qint32: 4,
};

/** What a tensor is, as host values. */
export const inquiryOperators = operators({
  'aten::size(Tensor self) -> int[]': (_ctx, a) => [...a.tensor(0).meta.shape],
  'aten::size.int(Tensor self, int dim) -> int': (_ctx, a) => a.tensor(0).meta.shape[dimArg(a, 1, rank(a.tensor(0)))]!,
  'aten::dim(Tensor self) -> int': (_ctx, a) => rank(a.tensor(0)),
  'aten::numel(Tensor self) -> int': (_ctx, a) => numel(a.tensor(0).meta.shape),
  'aten::len.Tensor(Tensor t) -> int': (_ctx, a) => {
    const [first] = a.tensor(0).meta.shape;
    if (first === undefined) throw badArgument(a.op, 'a tensor without dimensions has no length');
    return first;
  },
  'aten::stride(Tensor self) -> int[]': (_ctx, a) => [...a.tensor(0).meta.strides],
  'aten::stride.int(Tensor self, int dim) -> int': (_ctx, a) => a.tensor(0).meta.strides[dimArg(a, 1, rank(a.tensor(0)))]!,
  'aten::is_contiguous(Tensor self) -> bool': (_ctx, a) => hasLayout({ ...a.tensor(0).meta, offset: 0 }, 'contiguous'),
  'aten::is_same_size(Tensor self, Tensor other) -> bool': (_ctx, a) => likeShape(a, 0).join() === likeShape(a, 1).join(),
  'aten::is_signed(Tensor self) -> bool': (_ctx, a) => !['uint8', 'quint8', 'bool'].includes(a.tensor(0).meta.dtype),
  'aten::storage_offset(Tensor self) -> int': (_ctx, a) => a.tensor(0).meta.offset,
  'aten::element_size(Tensor self) -> int': (_ctx, a) => BYTES[a.tensor(0).meta.dtype],
  'prim::itemsize(Tensor a) -> int': (_ctx, a) => BYTES[a.tensor(0).meta.dtype],
  'aten::is_contiguous.memory_format(Tensor self, int memory_format) -> bool': (_ctx, a) =>
    a.number(1) === 0 && hasLayout({ ...a.tensor(0).meta, offset: 0 }, 'contiguous'),
  'aten::sym_size.int(Tensor self, int dim) -> int': (_ctx, a) => a.tensor(0).meta.shape[dimArg(a, 1, rank(a.tensor(0)))]!,
  'aten::sym_numel(Tensor self) -> int': (_ctx, a) => numel(a.tensor(0).meta.shape),
  'aten::result_type.Tensor(Tensor tensor, Tensor other) -> int': (_ctx, a) => scalarTypeOf(resultType([a.tensor(0), a.tensor(1)])),
  'aten::promote_types(int type1, int type2) -> int': (_ctx, a) => scalarTypeOf(promoteTypes(dtypeOf(a.number(0)), dtypeOf(a.number(1)))),
  'aten::get_device(Tensor self) -> int': () => -1,
  'aten::_shape_as_tensor(Tensor self) -> Tensor': (ctx, a) => ctx.fromHost('int64', [rank(a.tensor(0))], [...a.tensor(0).meta.shape]),
  'prim::shape(Tensor a) -> int[]': (_ctx, a) => [...a.tensor(0).meta.shape],
});
