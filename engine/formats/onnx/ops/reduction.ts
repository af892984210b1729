import type { DType } from '../../../../kernels/tensor.ts';
import { Value } from '../../../ir/graph.ts';
import { T } from '../../../ir/types.ts';
import { ints, SCALAR_TYPE, type LowerOp, type OpNode } from '../opNode.ts';
import { hostList, type Dims, type Scalar } from '../values.ts';
import { hostInt } from './host.ts';
import { toDtype } from './elementwise.ts';

/** Reduces `x` over `axes`; ints keep their type. */
type Reduce = (n: OpNode, x: Value, axes: readonly number[], keep: boolean, dtype: DType) => Value;

const sum: Reduce = (n, x, axes, keep, dtype) => n.emit('aten::sum', [x, ints(axes), keep, dtype.startsWith('float') ? null : SCALAR_TYPE[dtype]]);
const mean: Reduce = (n, x, axes, keep, dtype) => (dtype.startsWith('float') ? n.emit('aten::mean', [x, ints(axes), keep, null])
  : toDtype(n, n.emit('aten::mean', [toDtype(n, x, 'float32'), ints(axes), keep, null]), dtype));
const extreme = (kind: string): Reduce => (n, x, axes, keep) => n.emit(kind, [x, ints(axes), keep]);
/** One axis at a time, the last first so that the others keep their places. */
const product: Reduce = (n, x, axes, keep, dtype) => [...axes].sort((a, b) => b - a).reduce((y, axis) => n.emit('aten::prod', [y, axis, keep, SCALAR_TYPE[dtype]]), x);
const square = (n: OpNode, x: Value): Value => n.emit('aten::mul', [x, x]);

interface Reduction {
  readonly reduce: Reduce;
  /** Opset from which axes are an input. */
  readonly since: number;
  /** What reducing over nothing does to each element. */
  readonly alone?: (n: OpNode, x: Value) => Value;
}

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceSum: { reduce: sum, since: 13 },
  ReduceMean: { reduce: mean, since: 18 },
  ReduceMax: { reduce: extreme('aten::amax'), since: 18 },
  ReduceMin: { reduce: extreme('aten::amin'), since: 18 },
  ReduceProd: { reduce: product, since: 18 },
  ReduceL1: { reduce: (n, x, ...rest) => sum(n, n.emit('aten::abs', [x]), ...rest), since: 18, alone: (n, x) => n.emit('aten::abs', [x]) },
  ReduceL2: { reduce: (n, x, ...rest) => n.emit('aten::sqrt', [sum(n, square(n, x), ...rest)]), since: 18, alone: (n, x) => n.emit('aten::abs', [x]) },
  ReduceLogSum: { reduce: (n, x, ...rest) => n.emit('aten::log', [sum(n, x, ...rest)]), since: 18, alone: (n, x) => n.emit('aten::log', [x]) },
  ReduceLogSumExp: { reduce: (n, x, axes, keep) => n.emit('aten::logsumexp', [x, ints(axes), keep]), since: 18 },
  ReduceSumSquare: { reduce: (n, x, ...rest) => sum(n, square(n, x), ...rest), since: 18, alone: square },
};

/** Sizes after a reduction. */
export function reducedDims(dims: Dims, axes: readonly number[], keep: boolean): Dims {
  if (!dims) return null;
  return keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));
}

function lowerReduction(op: string): LowerOp {
  const { reduce, since, alone } = REDUCTIONS[op]!;
  return (n) => {
    const given = n.opset >= since ? n.numbersFrom('', 1) : n.ints('axes');
    const v = n.input(0);
    // The product of some sizes.
    if (v.kind === 'host' && op === 'ReduceProd') {
      const all = v.elements.reduce<Scalar>((p, e) => hostInt.mul(n, p, e), 1);
      return hostList([all], v.dtype, n.flag('keepdims', true) ? 1 : 0);
    }
    const x = n.value(0);
    if ((given === null || given.length === 0) && n.flag('noop_with_empty_axes', false)) return n.out(alone ? alone(n, x) : x);
    // Where the rank is not known, axes stay as they are: PyTorch counts from the back too.
    if (!n.dims() && given && given.length > 0 && op !== 'ReduceProd') return n.out(reduce(n, x, given, n.flag('keepdims', true), n.dtype()), null);
    const rank = n.rank();
    const axes = given && given.length > 0 ? given.map((a) => n.axis(a, rank)) : Array.from({ length: rank }, (_, i) => i);
    const keep = n.flag('keepdims', true);
    if (rank === 0) return n.out(alone ? alone(n, x) : x);
    return n.out(reduce(n, x, axes, keep, n.dtype()), reducedDims(n.dims(), axes, keep));
  };
}

const arg = (kind: string): LowerOp => (n) => {
  if (n.flag('select_last_index', false)) throw n.unsupported('the last of equal elements is asked for');
  const axis = n.axis(n.int('axis', 0));
  const keep = n.flag('keepdims', true);
  return n.out(n.emit(kind, [n.value(0), axis, keep]), reducedDims(n.dims(), [axis], keep), 'int64');
};

const topK: LowerOp = (n) => {
  const axis = n.axis(n.int('axis', -1));
  const k = n.opset >= 10 ? n.scalar(1) : n.requiredInt('k');
  const node = n.emitNode('aten::topk', [n.value(0), k, axis, n.flag('largest', true), n.flag('sorted', true)], [T.tensor, T.tensor]);
  const dims = n.dims()!.map((d, i) => (i === axis ? (typeof k === 'number' ? k : null) : d));
  return [n.out(node.outputs[0]!, dims), n.out(node.outputs[1]!, dims, 'int64')];
};

/** Running sums, from either end, with or without the element itself. */
const cumSum: LowerOp = (n) => {
  const axis = n.known(1);
  if (axis === null) throw n.unsupported('its axis is computed by the model');
  const dim = n.axis(axis);
  const x = n.value(0);
  const reverse = n.flag('reverse', false);
  const input = reverse ? n.emit('aten::flip', [x, ints([dim])]) : x;
  const dtype = n.dtype().startsWith('float') ? null : SCALAR_TYPE[n.dtype()];
  let y = n.emit('aten::cumsum', [input, dim, dtype]);
  if (n.flag('exclusive', false)) y = n.emit('aten::sub', [y, input, 1]);
  return n.out(reverse ? n.emit('aten::flip', [y, ints([dim])]) : y);
};

export const reductionOps: Readonly<Record<string, LowerOp>> = {
  ...Object.fromEntries(Object.keys(REDUCTIONS).map((op) => [op, lowerReduction(op)])),
  ArgMax: arg('aten::argmax'), ArgMin: arg('aten::argmin'), TopK: topK, CumSum: cumSum,
};
