import { numel } from '../../../../kernels/tensor.ts';
import { T } from '../../../ir/types.ts';
import { ints, type LowerOp, type OpNode } from '../opNode.ts';
import { dimsOf, hostList, type Dims, type OnnxValue, type Scalar } from '../values.ts';
import { hostInt, sizeOf } from './host.ts';

const known = (s: Scalar): number | null => (typeof s === 'number' ? s : null);

/** Sizes of a value, computed ones included. */
export function sizes(n: OpNode, v: OnnxValue): Scalar[] {
  const dims = dimsOf(v);
  if (!dims) throw n.unsupported('the rank of its input is not known');
  if (v.kind !== 'tensor') return dims as number[];
  return dims.map((_, i) => sizeOf(n, v.value, dims, i));
}

const shape: LowerOp = (n) => {
  const all = sizes(n, n.input(0));
  const clip = (v: number): number => Math.min(Math.max(v < 0 ? v + all.length : v, 0), all.length);
  return hostList(all.slice(clip(n.int('start', 0)), clip(n.int('end', all.length))));
};

/** 0 keeps the input's size there, -1 takes what is left. */
const reshape: LowerOp = (n) => {
  const v = n.input(0);
  const wanted = n.opset < 5 ? n.ints('shape') ?? [] : n.scalars(1);
  if (v.kind === 'host' && wanted.length <= 1) return hostList(v.elements, v.dtype, wanted.length as 0 | 1);
  const dims = dimsOf(v);
  const x = n.asTensor(v);
  const keepZero = n.flag('allowzero', false);
  const target = wanted.map((s, i) => (s === 0 && !keepZero ? sizeOf(n, x, dims, i) : s));
  return n.out(n.emit('aten::reshape', [x, ints(target)]), reshapedDims(dims, target));
};

/** A lone -1 is worked out where everything else is known. */
function reshapedDims(dims: Dims, target: readonly Scalar[]): Dims {
  const open = target.indexOf(-1);
  const rest = target.filter((_, i) => i !== open).map(known);
  const total = dims?.every((d) => d !== null) ? numel(dims as number[]) : null;
  const missing = total !== null && rest.every((d) => d !== null && d > 0) ? total / numel(rest as number[]) : null;
  return target.map((s, i) => (i === open ? missing !== null && Number.isInteger(missing) ? missing : null : known(s)));
}

/** To a matrix: the dimensions before `axis`, and those from it on. */
const flatten: LowerOp = (n) => {
  const rank = n.dims()?.length;
  const given = n.int('axis', 1);
  const x = n.value(0);
  const dims = n.dims();
  const axis = given < 0 ? given + n.rank() : given;
  if (rank !== undefined && (axis < 0 || axis > rank)) throw n.invalid(`axis ${given} is not one of ${rank}`);
  const product = (part: Dims | undefined): number | null => (part?.every((d) => d !== null) ? numel(part as number[]) : null);
  const out: Dims = [product(dims?.slice(0, axis)), product(dims?.slice(axis))];
  if (axis === 0) return n.out(n.emit('aten::reshape', [x, ints([1, -1])]), [1, out[1]!]);
  if (axis === rank) return n.out(n.emit('aten::reshape', [x, ints([-1, 1])]), [out[0]!, 1]);
  let y = n.emit('aten::flatten', [x, axis, -1]);
  if (axis > 1) y = n.emit('aten::flatten', [y, 0, axis - 1]);
  return n.out(y, out);
};

const squeeze: LowerOp = (n) => {
  const v = n.input(0);
  const given = n.opset >= 13 ? n.numbersFrom('', 1) : n.ints('axes');
  if (v.kind === 'host') return hostList(v.elements, v.dtype, 0);
  const x = n.asTensor(v);
  const dims = dimsOf(v);
  if (!given) return n.out(n.emit('aten::squeeze', [x]), dims?.every((d) => d !== null) ? dims.filter((d) => d !== 1) : null);
  const rank = n.rank();
  const axes = given.map((a) => n.axis(a, rank)).sort((a, b) => b - a);
  return n.out(axes.reduce((y, axis) => n.emit('aten::squeeze', [y, axis]), x), dims!.filter((_, i) => !axes.includes(i)));
};

const unsqueeze: LowerOp = (n) => {
  const v = n.input(0);
  const given = n.opset >= 13 ? n.numbersFrom('', 1) : n.ints('axes');
  if (!given) throw n.invalid('its axes are missing');
  if (v.kind === 'host' && v.rank === 0 && given.length === 1) return hostList(v.elements, v.dtype, 1);
  const dims = dimsOf(v);
  if (!dims) throw n.unsupported('the rank of its input is not known');
  const axes = given.map((a) => n.axis(a, dims.length + given.length)).sort((a, b) => a - b);
  const out = [...dims];
  for (const axis of axes) out.splice(axis, 0, 1);
  return n.out(axes.reduce((y, axis) => n.emit('aten::unsqueeze', [y, axis]), n.asTensor(v)), out);
};

const transpose: LowerOp = (n) => {
  const v = n.input(0);
  const perm = n.ints('perm') ?? Array.from({ length: n.rank() }, (_, i) => n.rank() - 1 - i);
  if (v.kind === 'host') return v;
  const dims = dimsOf(v);
  if (dims && (perm.length !== dims.length || [...perm].sort((a, b) => a - b).some((p, i) => p !== i))) throw n.invalid(`perm [${perm.join(', ')}] does not permute ${dims.length} dimensions`);
  return n.out(n.emit('aten::permute', [n.asTensor(v), ints(perm)]), perm.map((p) => dims?.[p] ?? null));
};

/** Broadcasting goes both ways: where the shape has 1, the input's own size stays. */
const expand: LowerOp = (n) => {
  const v = n.input(0);
  const dims = dimsOf(v);
  if (!dims) throw n.unsupported('the rank of its input is not known');
  const wanted = n.scalars(1);
  const x = n.asTensor(v);
  const rank = Math.max(wanted.length, dims.length);
  const target = Array.from({ length: rank }, (_, i): Scalar => {
    const own = i - (rank - dims.length);
    const want = i < rank - wanted.length ? 1 : wanted[i - (rank - wanted.length)]!;
    if (own < 0 || dims[own] === 1) return want;
    if (want === 1) return -1;
    return typeof want === 'number' ? want : hostInt.max(n, sizeOf(n, x, dims, own), want);
  });
  return n.out(n.emit('aten::expand', [x, ints(target), false]), target.map((s, i) => (s === -1 ? dims[i - (rank - dims.length)]! : known(s))));
};

const tile: LowerOp = (n) => {
  const v = n.input(0);
  const repeats = n.scalars(1);
  const dims = dimsOf(v);
  return n.out(n.emit('aten::repeat', [n.asTensor(v), ints(repeats)]), repeats.map((r, i) => {
    const d = dims?.[i] ?? null;
    return typeof r === 'number' && d !== null ? d * r : null;
  }));
};

/** Blocks of channels to space: DCR has the blocks first among the channels, CRD (PyTorch's pixel_shuffle) last. */
const depthToSpace: LowerOp = (n) => {
  const block = n.requiredInt('blocksize');
  if (block < 1) throw n.invalid(`blocksize is ${block}`);
  let x = n.value(0);
  if (n.string('mode', 'DCR') === 'DCR') x = n.emit('aten::flatten', [n.emit('aten::transpose', [n.emit('aten::unflatten', [x, 1, ints([block * block, -1])]), 1, 2]), 1, 2]);
  const [batch, channels] = n.dims() ?? [];
  return n.out(n.emit('aten::pixel_shuffle', [x, block]), [batch ?? null, channels ? channels / (block * block) : null, null, null]);
};

const spaceToDepth: LowerOp = (n) => {
  const block = n.requiredInt('blocksize');
  if (block < 1) throw n.invalid(`blocksize is ${block}`);
  const [batch, channels] = n.dims() ?? [];
  const unshuffled = n.emit('aten::pixel_unshuffle', [n.value(0), block]);
  if (n.string('mode', 'DCR') === 'CRD') return n.out(unshuffled, [batch ?? null, channels ? channels * block * block : null, null, null]);
  const blocks = n.emit('aten::unflatten', [unshuffled, 1, ints([-1, block * block])]);
  return n.out(n.emit('aten::flatten', [n.emit('aten::transpose', [blocks, 1, 2]), 1, 2]), [batch ?? null, channels ? channels * block * block : null, null, null]);
};

const identity: LowerOp = (n) => n.input(0);

export const shapeOps: Readonly<Record<string, LowerOp>> = {
  Shape: shape,
  Size: (n) => {
    const all = sizes(n, n.input(0));
    return all.every((s) => typeof s === 'number') ? hostList([numel(all)], 'int64', 0) : hostList([n.emit('aten::numel', [n.value(0)], T.int)], 'int64', 0);
  },
  Reshape: reshape, Flatten: flatten, Squeeze: squeeze, Unsqueeze: unsqueeze, Transpose: transpose, Expand: expand, Tile: tile,
  DepthToSpace: depthToSpace, SpaceToDepth: spaceToDepth,
  Identity: identity,
  Dropout: (n) => {
    if (n.proto.output.slice(1).some((o) => o !== '' && n.lowering.usesOf(o) > 0)) throw n.unsupported('its mask is asked for');
    if (n.known(2) === 1) throw n.unsupported('it is in training mode: export the model after model.eval()');
    return n.input(0);
  },
};

