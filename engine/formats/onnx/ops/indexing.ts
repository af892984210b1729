import { Value } from '../../../ir/graph.ts';
import { T } from '../../../ir/types.ts';
import { optionalTensors, SCALAR_TYPE, type LowerOp, type OpNode } from '../opNode.ts';
import { asHost, dimsOf, hostList, knownNumbers, knownScalar, type Dims, type OnnxValue, type Scalar } from '../values.ts';
import { hostInt } from './host.ts';

/** What stands for "to the end" in a slice. */
const END = 2147483647;
const isEnd = (s: Scalar): boolean => typeof s === 'number' && Math.abs(s) >= END - 1;

/** A slice of a list that is known on the host: bounds must be numbers. */
function sliceHost(n: OpNode, elements: readonly Scalar[], start: Scalar, end: Scalar, step: Scalar): Scalar[] {
  if (typeof start !== 'number' || typeof end !== 'number' || typeof step !== 'number') throw n.unsupported('a shape is sliced at a computed place');
  if (step === 0) throw n.invalid('its step is 0');
  const length = elements.length;
  const bound = (v: number, low: number, high: number): number => Math.min(Math.max(v < 0 ? v + length : v, low), high);
  const out: Scalar[] = [];
  if (step > 0) for (let i = bound(start, 0, length); i < bound(end, 0, length); i += step) out.push(elements[i]!);
  else for (let i = bound(start, 0, length - 1); i > bound(end, -1, length - 1); i += step) out.push(elements[i]!);
  return out;
}

/** Size of a sliced dimension where all is known. */
function slicedSize(n: OpNode, size: number | null | undefined, start: Scalar, end: Scalar, step: Scalar): number | null {
  if (typeof size !== 'number' || size > 1 << 20 || [start, end, step].some((s) => typeof s !== 'number')) return null;
  return sliceHost(n, Array.from({ length: size }, (_, i) => i), start, end, step).length;
}

const slice: LowerOp = (n) => {
  const v = n.input(0);
  const inputs = n.opset >= 10;
  const starts = inputs ? n.scalars(1) : n.ints('starts') ?? [];
  const ends = inputs ? n.scalars(2) : n.ints('ends') ?? [];
  const axes = (inputs ? n.numbersFrom('', 3) : n.ints('axes')) ?? starts.map((_, i) => i);
  const steps = inputs && n.optional(4) ? n.scalars(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) throw n.invalid(`it has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes`);
  const host = v.kind === 'host' ? asHost(v) : null;
  if (host?.rank === 1 && starts.length === 1) return hostList(sliceHost(n, host.elements, starts[0]!, ends[0]!, steps[0]!), host.dtype);
  let x = n.asTensor(v);
  const dims = dimsOf(v) ? [...dimsOf(v)!] : null;
  axes.forEach((given, i) => {
    const axis = given >= 0 && !dims ? given : n.axis(given, n.rank());
    const [start, end, step] = [starts[i]!, ends[i]!, steps[i]!];
    if (typeof step !== 'number') throw n.unsupported('its step is computed by the model');
    if (step === 0) throw n.invalid('its step is 0');
    x = step > 0 ? n.emit('aten::slice', [x, axis, start, isEnd(end) ? END : end, step]) : sliceBackwards(n, x, axis, start, end, step);
    if (dims) dims[axis] = slicedSize(n, dims[axis], start, end, step);
  });
  return n.out(x, dims);
};

/** PyTorch's slices go forward only: the dimension is turned around, and the bounds are counted from its other end. */
function sliceBackwards(n: OpNode, x: Value, axis: number, start: Scalar, end: Scalar, step: number): Value {
  const turned = n.emit('aten::flip', [x, { list: [axis], type: T.int }]);
  const mirrored = (s: Scalar): Scalar => (isEnd(s) ? ((s as number) > 0 ? 0 : END) : hostInt.sub(n, -1, s));
  return n.emit('aten::slice', [turned, axis, mirrored(start), mirrored(end), -step]);
}

const gather: LowerOp = (n) => {
  const [v, at] = [n.input(0), n.input(1)];
  const given = n.int('axis', 0);
  const host = v.kind === 'host' ? v : null;
  const places = knownNumbers(at);
  if (host && places) {
    const picked = places.map((p) => {
      const e = host.elements[p < 0 ? p + host.elements.length : p];
      if (e === undefined) throw n.invalid(`index ${p} is outside of a list of ${host.elements.length}`);
      return e;
    });
    return hostList(picked, host.dtype, dimsOf(at)!.length as 0 | 1);
  }
  const dims = dimsOf(v);
  const x = n.asTensor(v);
  const axis = given >= 0 && !dims ? given : n.axis(given);
  const index = dimsOf(at);
  const out: Dims = dims && index ? [...dims.slice(0, axis), ...index, ...dims.slice(axis + 1)] : null;
  const one = index?.length === 0 ? knownScalar(at) ?? (at.kind === 'host' ? at.elements[0]! : null) : null;
  if (one !== null) return n.out(n.emit('aten::select', [x, axis, one]), out);
  // A table of vectors looked up by ids is an embedding.
  if (v.kind === 'constant' && axis === 0 && dims?.length === 2 && at.kind === 'tensor') return n.out(n.emit('aten::embedding', [x, n.asTensor(at), -1, false, false]), out);
  return n.out(n.emit('aten::index', [x, optionalTensors([...new Array<null>(axis).fill(null), longIndex(n, at)])]), out);
};

/** PyTorch indexes with int64. */
function longIndex(n: OpNode, v: OnnxValue): Value {
  const x = n.asTensor(v);
  const dtype = v.kind === 'tensor' || v.kind === 'host' ? v.dtype : v.kind === 'constant' ? v.data.dtype : 'int64';
  return dtype === 'int64' ? x : n.emit('aten::to', [x, SCALAR_TYPE.int64, false, false, null]);
}

/** Whole slices by tuples of indices: the last dimension of the indices are the tuples. */
const gatherND: LowerOp = (n) => {
  if (n.int('batch_dims', 0) !== 0) throw n.unsupported('batch_dims is not 0');
  const index = n.dims(1);
  const length = index?.at(-1);
  if (!index || length === null || length === undefined || length > 8) throw n.unsupported('the length of its index tuples is not known');
  const at = longIndex(n, n.input(1));
  const parts = Array.from({ length }, (_, k) => n.emit('aten::select', [at, -1, k]));
  const dims = n.dims();
  return n.out(n.emit('aten::index', [n.value(0), optionalTensors(parts)]), dims && [...index.slice(0, -1), ...dims.slice(length)]);
};

const scatterElements: LowerOp = (n) => {
  const reduction = n.string('reduction', 'none');
  const args = [n.value(0), n.axis(n.int('axis', 0)), longIndex(n, n.input(1)), n.value(2)];
  if (reduction === 'none') return n.out(n.emit('aten::scatter', args));
  if (reduction === 'add') return n.out(n.emit('aten::scatter_add', args));
  throw n.unsupported(`its reduction is ${reduction}`);
};

const scatterND: LowerOp = (n) => {
  const reduction = n.string('reduction', 'none');
  const length = n.dims(1)?.at(-1);
  if (length === null || length === undefined || length > 8) throw n.unsupported('the length of its index tuples is not known');
  if (reduction !== 'none' && reduction !== 'add') throw n.unsupported(`its reduction is ${reduction}`);
  const at = longIndex(n, n.input(1));
  const parts = Array.from({ length }, (_, k) => n.emit('aten::select', [at, -1, k]));
  return n.out(n.emit('aten::index_put', [n.value(0), optionalTensors(parts), n.value(2), reduction === 'add']));
};

const oneHot: LowerOp = (n) => {
  const depth = n.scalar(1);
  const values = knownNumbers(n.input(2));
  const dtype = n.dtype(2);
  const rank = n.rank();
  const axis = n.axis(n.int('axis', -1), rank + 1);
  const index = n.emit('aten::unsqueeze', [longIndex(n, n.input(0)), -1]);
  const classes = n.emit('aten::arange', [depth, SCALAR_TYPE.int64, null, null, null]);
  // Negative indices count from the end.
  const wrapped = n.emit('aten::where', [n.emit('aten::lt', [index, 0]), n.emit('aten::add', [index, depth, 1]), index]);
  const hit = n.emit('aten::eq', [wrapped, classes]);
  const dims: (number | null)[] = [...n.dims()!];
  dims.splice(axis, 0, typeof depth === 'number' ? depth : null);
  const asType = n.emit('aten::to', [hit, SCALAR_TYPE[dtype], false, false, null]);
  let y: Value;
  if (values?.[0] === 0 && values[1] === 1) y = asType;
  else {
    const both = n.value(2);
    const [off, on] = [0, 1].map((i) => n.emit('aten::select', [both, 0, i])) as [Value, Value];
    y = n.emit('aten::where', [hit, on, off]);
  }
  return n.out(axis === rank ? y : n.emit('aten::movedim', [y, -1, axis]), dims, dtype);
};

const triangle: LowerOp = (n) => {
  const k = n.optional(1) ? n.scalar(1) : 0;
  return n.out(n.emit(n.flag('upper', true) ? 'aten::triu' : 'aten::tril', [n.value(0), k]));
};

export const indexingOps: Readonly<Record<string, LowerOp>> = {
  Slice: slice, Gather: gather, GatherND: gatherND, OneHot: oneHot, Trilu: triangle,
  ScatterElements: scatterElements, Scatter: scatterElements, ScatterND: scatterND,
  GatherElements: (n) => n.out(n.emit('aten::gather', [n.value(0), n.axis(n.int('axis', 0)), longIndex(n, n.input(1)), false]), n.dims(1)),
  NonZero: (n) => n.out(n.emit('aten::t', [n.emit('aten::nonzero', [n.value(0)])]), [n.dims()?.length ?? null, null], 'int64'),
};
