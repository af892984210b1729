import { isFloat, type DType } from '../../../../kernels/tensor.ts';
import { number, type Item, type NumberItem, type TensorItem } from '../items.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

const same: OpExport = (c) => c.x(0);
const rankOf = (c: OpCall): number => c.item(0).rank;
/** The largest int64: an end that is never reached. */
const LAST = 2 ** 53 - 1;

/** A permutation from dimensions that may count from the end. */
const permute = (c: OpCall, dims: readonly number[]): string => c.b.op('Transpose', [c.x(0)], { perm: dims.map((d) => (d < 0 ? d + rankOf(c) : d)) });

const transpose: OpExport = (c) => {
  const rank = rankOf(c);
  if (rank < 2) return c.x(0);
  const [a, b] = c.length > 2 ? [c.dim(1, rank), c.dim(2, rank)] : [0, 1];
  return permute(c, Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i)));
};

/** view, reshape: the sizes that are asked for, where the batch decides more than one of them. */
const reshape: OpExport = (c) => c.reshape(c.x(0), c.outputs[0]!, c.isList(1) ? c.list(1) : undefined);
/** Ops whose result has the same elements in another shape. */
const reshaped: OpExport = (c) => c.reshape(c.x(0), c.outputs[0]!);

const squeeze: OpExport = (c) => {
  const { shape } = c.item(0);
  const asked = c.length < 2 ? shape.map((_, i) => i) : c.nums(1).map((d) => (d < 0 ? d + shape.length : d));
  const axes = asked.filter((d) => shape[d] === 1 && c.item(0).fixed(d));
  return axes.length === 0 ? c.x(0) : c.squeeze(c.x(0), axes);
};

const unsqueeze: OpExport = (c) => c.unsqueeze(c.x(0), [c.dim(1, rankOf(c) + 1)]);

/** flatten: 0 keeps a size, which leaves one to be found out. */
const flatten: OpExport = (c) => {
  const rank = rankOf(c);
  const [start, end] = [c.dim(1, rank), c.dim(2, rank)];
  if (rank === 0 || start > end) return reshaped(c);
  const t = c.item(0);
  const after = t.shape.slice(end + 1);
  if (!after.every((_, i) => t.fixed(end + 1 + i))) return reshaped(c);
  return c.b.op('Reshape', [c.x(0), c.b.ints([...new Array<number>(start).fill(0), -1, ...after])]);
};

/** Sizes of the result, each as it is asked for, or 1 where the input's own size stays. */
const expand: OpExport = (c) => {
  const { shape } = c.item(0);
  const out = c.outputs[0]!;
  const lead = c.out.shape.length - shape.length;
  const asked = c.isList(1) ? c.list(1) : undefined;
  const sizes = c.out.shape.map((d, i): Item => {
    const keeps = i >= lead && shape[i - lead] === d && out.every((m, run) => c.item(0).runtime[run]!.meta.shape[i - lead] === m.shape[i]);
    if (keeps) return number(1);
    if (out.every((m) => m.shape[i] === d)) return number(d);
    return asked?.[i] ?? sizeOf(c, 1, i);
  });
  return c.b.op('Expand', [c.x(0), c.b.intList(sizes)]);
};

/** A dimension of a tensor argument as the file computes it. */
function sizeOf(c: OpCall, arg: number, dim: number): NumberItem {
  const t = c.item(arg);
  const name = (): string => c.b.op('Gather', [c.b.op('Shape', [c.b.raw(t)]), c.b.ints([dim])], { axis: 0 });
  return { kind: 'number', values: t.runtime.map((r) => r.meta.shape[dim]!), name };
}

const select: OpExport = (c) => c.b.op('Gather', [c.x(0), c.operand(2, 'int64')], { axis: c.dim(1, rankOf(c)) });

const slice: OpExport = (c) => {
  const axis = c.isNone(1) ? 0 : c.dim(1, rankOf(c));
  const bound = (i: number, otherwise: number): string => {
    const a = c.args[i];
    return a?.kind === 'number' ? a.name?.() ?? c.b.ints([Math.min(Number(a.values[0]), LAST)]) : c.b.ints([otherwise]);
  };
  return c.b.op('Slice', [c.x(0), bound(2, 0), bound(3, LAST), c.b.ints([axis]), c.b.ints([c.num(4, 1)])]);
};

const narrow: OpExport = (c) => {
  const axis = c.dim(1, rankOf(c));
  return c.b.op('Slice', [c.x(0), c.b.ints([c.num(2)]), c.b.ints([c.num(2) + c.num(3)]), c.b.ints([axis])]);
};

/** chunk, split, unbind: parts along a dimension, as the results have them. */
const split = (at: number): OpExport => (c) => {
  const axis = c.dim(at, rankOf(c));
  const parts = c.outputs.map((metas) => {
    if (metas.some((m) => m.shape[axis] !== metas[0]!.shape[axis])) throw new Unexportable('a part whose size depends on the batch');
    return metas[0]!.shape[axis]!;
  });
  return parts.length === 1 ? [c.x(0)] : c.b.ops('Split', [c.x(0), c.b.ints(parts)], parts.length, { axis });
};

const unbind: OpExport = (c) => {
  const axis = c.dim(1, rankOf(c));
  return c.outputs.map((_, i) => c.b.op('Gather', [c.x(0), c.b.scalar(i, 'int64')], { axis }));
};

const cat = (at: number): OpExport => (c) => {
  // PyTorch lets a one-dimensional empty tensor take part.
  const parts = c.tensors(0).filter((t) => !(t.rank === 1 && t.shape[0] === 0 && c.out.shape.length !== 1));
  const dtype: DType = c.out.q ? 'float32' : c.out.dtype;
  const fits = (t: TensorItem): boolean => t.meta.q !== undefined || t.meta.dtype === dtype || (isFloat(dtype) && isFloat(t.meta.dtype));
  const names = parts.map((t) => (fits(t) ? c.b.value(t) : c.cast(c.b.value(t), dtype)));
  const y = names.length === 1 ? names[0]! : c.b.op('Concat', names, { axis: c.dim(at, c.out.shape.length) });
  return c.kind.endsWith('_relu') ? c.b.op('Relu', [y]) : y;
};

const stack: OpExport = (c) => {
  const axis = c.dim(1, c.out.shape.length);
  return c.b.op('Concat', c.tensors(0).map((t) => c.unsqueeze(c.b.value(t), [axis])), { axis });
};

/** PyTorch's pads start at the last dimension, a pair each. */
const pad = (mode: 'by word' | 'constant', at: number): OpExport => (c) => {
  const pairs = c.nums(1);
  const rank = rankOf(c);
  const word = mode === 'by word' ? c.str(2) : 'constant';
  if (word === 'circular') return circular(c, pairs);
  const onnx = { constant: 'constant', reflect: 'reflect', replicate: 'edge' }[word];
  if (onnx === undefined) throw new Unexportable(`padding of the kind ${word}`);
  const begin = new Array<number>(rank).fill(0);
  const end = [...begin];
  for (let i = 0; 2 * i < pairs.length; i++) {
    begin[rank - 1 - i] = pairs[2 * i]!;
    end[rank - 1 - i] = pairs[2 * i + 1]!;
  }
  const dtype = c.out.q ? 'float32' : c.out.dtype;
  const value = onnx === 'constant' ? [c.isNone(at) ? c.b.scalar(0, dtype) : c.operand(at, dtype)] : [];
  return c.b.op('Pad', [c.x(0), c.b.ints([...begin, ...end]), ...value], { mode: onnx });
};

/** The far end before, the near end after, one dimension after another. */
function circular(c: OpCall, pairs: readonly number[]): string {
  let x = c.x(0);
  for (let i = 0; 2 * i < pairs.length; i++) {
    const axis = rankOf(c) - 1 - i;
    const part = (from: number, to: number): string => c.b.op('Slice', [x, c.b.ints([from]), c.b.ints([to]), c.b.ints([axis])]);
    const [before, after] = [pairs[2 * i]!, pairs[2 * i + 1]!];
    if (before < 0 || after < 0) throw new Unexportable('circular padding that cuts off');
    const parts = [...(before > 0 ? [part(-before, LAST)] : []), x, ...(after > 0 ? [part(0, after)] : [])];
    if (parts.length > 1) x = c.b.op('Concat', parts, { axis });
  }
  return x;
}

const repeat: OpExport = (c) => {
  const lead = c.out.shape.length - rankOf(c);
  const x = lead > 0 ? c.unsqueeze(c.x(0), Array.from({ length: lead }, (_, i) => i)) : c.x(0);
  return c.b.op('Tile', [x, c.b.intList(c.list(1))]);
};

const flip: OpExport = (c) => {
  const axes = c.nums(1).map((d) => (d < 0 ? d + rankOf(c) : d));
  const all = (v: number): string => c.b.ints(axes.map(() => v));
  return c.b.op('Slice', [c.x(0), all(-1), all(-LAST), c.b.ints(axes), all(-1)]);
};

const roll: OpExport = (c) => {
  const dims = c.nums(2);
  if (dims.length === 0) throw new Unexportable('roll over all dimensions at once');
  return c.nums(1).reduce((x, shift, i) => {
    const axis = dims[i]! < 0 ? dims[i]! + rankOf(c) : dims[i]!;
    const size = c.size(c.item(0), axis);
    const by = ((shift % size) + size) % size;
    if (by === 0) return x;
    const part = (from: number, to: number): string => c.b.op('Slice', [x, c.b.ints([from]), c.b.ints([to]), c.b.ints([axis])]);
    return c.b.op('Concat', [part(size - by, size), part(0, size - by)], { axis });
  }, c.x(0));
};

/** [N, C r r, H, W] to [N, C, H r, W r]. */
const pixelShuffle: OpExport = (c) => c.b.op('DepthToSpace', [c.x(0)], { blocksize: c.num(1), mode: 'CRD' });

const pixelUnshuffle: OpExport = (c) => {
  const [r, t] = [c.num(1), c.item(0)];
  const [channels, h, w] = [1, 2, 3].map((d) => c.size(t, d)) as [number, number, number];
  const split6 = c.b.op('Reshape', [c.x(0), c.b.ints([-1, channels, h / r, r, w / r, r])]);
  return c.b.op('Reshape', [c.b.op('Transpose', [split6], { perm: [0, 1, 3, 5, 2, 4] }), c.b.ints([-1, channels * r * r, h / r, w / r])]);
};

const channelShuffle: OpExport = (c) => {
  const [groups, t] = [c.num(1), c.item(0)];
  const [channels, h, w] = [1, 2, 3].map((d) => c.size(t, d)) as [number, number, number];
  const grouped = c.b.op('Reshape', [c.x(0), c.b.ints([-1, groups, channels / groups, h, w])]);
  return c.b.op('Reshape', [c.b.op('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] }), c.b.ints([-1, channels, h, w])]);
};

/** A change of type, or nothing. */
const to: OpExport = (c) => {
  const from = c.item(0).meta.q ? 'float32' : c.item(0).meta.dtype;
  const { dtype } = c.out;
  return from === dtype || (isFloat(from) && isFloat(dtype)) ? c.x(0) : c.cast(c.x(0), dtype);
};

/** Ops that give their input back, or quantize it as the result says. */
const SAME = [
  'aten::contiguous', 'aten::clone', 'aten::detach', 'aten::alias', 'aten::dropout', 'aten::feature_dropout', 'aten::alpha_dropout', 'quantized::dropout',
  'aten::quantize_per_tensor', 'aten::quantize_per_channel', 'aten::_unwrap_optional', 'prim::data', 'prim::unchecked_cast',
];

/** A tensor, or each of a list. */
const dequantize: OpExport = (c) => (c.isList(0) ? c.tensors(0).map((t) => c.b.value(t)) : c.x(0));


export const SHAPE: OpTable = {
  ...Object.fromEntries(SAME.map((n) => [n, same])), 'aten::dequantize': dequantize,
  'aten::permute': (c) => permute(c, c.nums(1)), 'aten::transpose': transpose, 'aten::swapaxes': transpose, 'aten::t': transpose,
  'aten::numpy_T': (c) => permute(c, Array.from({ length: rankOf(c) }, (_, i) => rankOf(c) - 1 - i)),
  'aten::view': reshape, 'aten::reshape': reshape, 'aten::_unsafe_view': reshape, 'aten::flatten': flatten,
  'aten::unflatten': reshaped, 'aten::view_as': reshaped, 'aten::reshape_as': reshaped,
  'aten::squeeze': squeeze, 'aten::unsqueeze': unsqueeze, 'aten::expand': expand, 'aten::expand_as': expand, 'aten::repeat': repeat,
  'aten::select': select, 'aten::slice': slice, 'aten::narrow': narrow,
  'aten::chunk': split(2), 'aten::split': split(2), 'aten::split_with_sizes': split(2), 'aten::tensor_split': split(2), 'aten::unbind': unbind,
  'aten::cat': cat(1), 'aten::concat': cat(1), 'quantized::cat': cat(1), 'quantized::cat_relu': cat(1), 'aten::stack': stack,
  'aten::pad': pad('by word', 3), 'aten::constant_pad_nd': pad('constant', 2),
  'aten::flip': flip, 'aten::roll': roll, 'aten::pixel_shuffle': pixelShuffle, 'aten::pixel_unshuffle': pixelUnshuffle, 'aten::channel_shuffle': channelShuffle,
  'aten::to': to, 'aten::type_as': to, 'aten::float': to, 'aten::_to_copy': to,
};
