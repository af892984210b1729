import { isFloat } from '../../../../kernels/tensor.ts';
import { type OpCall, type OpExport, type OpTable } from '../opCall.ts';

const all = (c: OpCall): number[] => c.item(0).shape.map((_, i) => i);
/** The dimensions of argument 1, or all of them. */
function axesOf(c: OpCall): number[] {
  if (c.length < 2 || c.isNone(1)) return all(c);
  const dims = c.nums(1);
  return dims.length === 0 ? all(c) : dims.map((d) => (d < 0 ? d + c.item(0).rank : d));
}

/** mean(x, dtype) and mean(x, dim, keepdim, dtype) differ in their arguments. */
const reduce = (type: string): OpExport => (c) => {
  const byDim = c.isList(1) || (c.length > 2 && !c.isTensor(1));
  const x = isFloat(c.item(0).meta.dtype) || c.item(0).meta.q || !isFloat(c.out.dtype) ? c.x(0) : c.cast(c.x(0), 'float32');
  return c.reduce(type, x, byDim ? axesOf(c) : all(c), byDim && c.bool(2));
};

/** max and min: of all, of two tensors, or along a dimension with positions. */
const extremum = (reduced: string, binary: string, position: string): OpExport => (c) => {
  if (c.length === 1) return c.reduce(reduced, c.x(0), all(c), false);
  if (c.isTensor(1)) return c.b.op(binary, [c.x(0), c.x(1)]);
  const axis = c.dim(1, c.item(0).rank);
  return [c.reduce(reduced, c.x(0), [axis], c.bool(2)), c.b.op(position, [c.x(0)], { axis, keepdims: c.bool(2) ? 1 : 0 })];
};

const position = (type: string): OpExport => (c) => {
  if (!c.isNone(1)) return c.b.op(type, [c.x(0)], { axis: c.dim(1, c.item(0).rank), keepdims: c.bool(2) ? 1 : 0 });
  return c.squeeze(c.b.op(type, [c.b.op('Reshape', [c.x(0), c.b.ints([-1])])], { axis: 0, keepdims: 1 }), [0]);
};

/** Variance with Bessel's correction of one or none. `at`: where the correction and keepdim are. */
const variance = (root: boolean): OpExport => (c) => {
  const short = c.length === 2; // (x, unbiased)
  const axes = short ? all(c) : axesOf(c);
  const correction = short ? c.num(1, 1) : c.args[2]?.kind === 'number' ? c.num(2) : 1;
  const count = axes.reduce((n, d) => n * c.size(c.item(0), d), 1);
  const centred = c.b.op('Sub', [c.x(0), c.reduce('ReduceMean', c.x(0), axes, true)]);
  const sum = c.reduce('ReduceSum', c.b.op('Mul', [centred, centred]), axes, !short && c.bool(3));
  const y = c.b.op('Div', [sum, c.b.scalar(Math.max(0, count - correction))]);
  return root ? c.b.op('Sqrt', [y]) : y;
};

const cumsum: OpExport = (c) => c.b.op('CumSum', [c.x(0), c.b.scalar(c.dim(1, c.item(0).rank), 'int64')]);

/** norm(x, p, dim, keepdim) of order 1 or 2. */
const norm: OpExport = (c) => {
  const order = c.num(1, 2);
  const byDim = c.length > 2 && !c.isNone(2);
  const axes = byDim ? c.nums(2).map((d) => (d < 0 ? d + c.item(0).rank : d)) : all(c);
  return c.reduce(order === 1 ? 'ReduceL1' : 'ReduceL2', c.x(0), axes, byDim && c.bool(3));
};

const topk: OpExport = (c) => c.b.ops('TopK', [c.x(0), c.b.ints([c.num(1)])], 2, { axis: c.dim(2, c.item(0).rank), largest: c.bool(3, true) ? 1 : 0, sorted: c.bool(4, true) ? 1 : 0 });

export const REDUCTION: OpTable = {
  'aten::mean': reduce('ReduceMean'), 'aten::sum': reduce('ReduceSum'), 'aten::prod': reduce('ReduceProd'), 'aten::amax': reduce('ReduceMax'), 'aten::amin': reduce('ReduceMin'),
  'aten::logsumexp': reduce('ReduceLogSumExp'),
  'aten::max': extremum('ReduceMax', 'Max', 'ArgMax'), 'aten::min': extremum('ReduceMin', 'Min', 'ArgMin'),
  'aten::argmax': position('ArgMax'), 'aten::argmin': position('ArgMin'),
  'aten::var': variance(false), 'aten::std': variance(true), 'aten::cumsum': cumsum, 'aten::norm': norm, 'aten::linalg_vector_norm': norm, 'aten::topk': topk,
};
