import type { Tensor } from '../../../kernels/device/device.ts';
import { full } from '../../../kernels/ops/full.ts';
import type { DType } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { castTo } from './elementwise.ts';
import { clone } from './views.ts';
import { badArgument, dtypeArg, isFloatArg } from './support.ts';

function fill(ctx: OpContext, shape: readonly number[], value: number, dtype: DType): Tensor {
  return ctx.run(full, [], { dtype, shape, value })[0]!;
}

const OPTIONS = '*, int? dtype=None, int? layout=None, Device? device=None, bool? pin_memory=None';

/** The dtype that torch.full, arange and tensor give to values without one. */
const inferred = (ctx: OpContext, a: Args, ...indices: number[]): DType => {
  if (indices.some((i) => isFloatArg(ctx, a, i))) return 'float32';
  return indices.every((i) => typeof a.any(i) === 'boolean') ? 'bool' : 'int64';
};

/** Elements that are made one by one on the host; sizes from a damaged file would take all memory. */
const MOST_COUNTED = 1 << 24;

function checkCount(ctx: OpContext, op: string, count: number): number {
  if (!(count <= MOST_COUNTED)) throw badArgument(op, `${count} elements are asked for, more than ${MOST_COUNTED}`, 'Check the sizes that the model computes.');
  ctx.reserve(count);
  return count;
}

function arange(ctx: OpContext, a: Args, start: number, end: number, step: number, dtype: DType): Tensor {
  if (step === 0) throw badArgument(a.op, 'step must not be zero');
  const length = Math.ceil((end - start) / step);
  if (length < 0) throw badArgument(a.op, `cannot count from ${start} to ${end} by ${step}`);
  const values = new Float64Array(checkCount(ctx, a.op, length));
  for (let i = 0; i < length; i++) values[i] = start + i * step;
  return ctx.fromHost(dtype, [length], values);
}

/** Shape and values of a nested list. Throws RUNTIME_ARGUMENT where it is ragged. */
function nested(op: string, value: RuntimeValue): { shape: number[]; values: number[] } {
  if (!Array.isArray(value)) return { shape: [], values: [Number(value)] };
  const parts = value.map((v) => nested(op, v));
  const inner = parts[0]?.shape ?? [];
  if (parts.some((p) => p.shape.join() !== inner.join())) throw badArgument(op, 'the lists have different lengths');
  return { shape: [value.length, ...inner], values: parts.flatMap((p) => p.values) };
}

const leavesOf = (v: RuntimeValue): RuntimeValue[] => (Array.isArray(v) ? v.flatMap(leavesOf) : [v]);

/** The dtype of a list's leaves, by the graph's types where they tell. */
function leafType(ctx: OpContext, a: Args): DType {
  let type = ctx.node.inputTypes[0];
  while (type?.kind === 'List') type = type.element;
  if (type?.kind === 'float') return 'float32';
  if (type?.kind === 'bool') return 'bool';
  const leaves = leavesOf(a.any(0));
  if (leaves.length === 0 || leaves.some((v) => typeof v === 'number' && !Number.isInteger(v))) return 'float32';
  return leaves.every((v) => typeof v === 'boolean') ? 'bool' : 'int64';
}

function tensorOf(ctx: OpContext, a: Args): Tensor {
  const { shape, values } = nested(a.op, a.any(0));
  return ctx.fromHost(dtypeArg(a, 1, leafType(ctx, a)), shape, values);
}

/** Rows and columns of one triangle of a matrix, [2, n]. */
function triangleIndices(ctx: OpContext, a: Args, keep: (row: number, column: number, offset: number) => boolean): Tensor {
  const [rows, columns, offset] = [a.number(0), a.number(1), a.number(2)];
  const count = checkCount(ctx, a.op, rows * columns);
  const places = Array.from({ length: count }, (_, i) => [Math.floor(i / columns), i % columns] as const).filter(([r, c]) => keep(r, c, offset));
  return ctx.fromHost(dtypeArg(a, 3, 'int64'), [2, places.length], [...places.map(([r]) => r), ...places.map(([, c]) => c)]);
}

const TRIANGLE = '*, int? dtype=long, int? layout=None, Device? device=None, bool? pin_memory=None';

/** A raised cosine of `n` points; a periodic one is the start of one that is a point longer. */
function window(ctx: OpContext, a: Args, n: number, periodic: boolean, alpha: number, dtypeIndex: number): Tensor {
  checkCount(ctx, a.op, n);
  const turns = (2 * Math.PI) / (periodic ? n : Math.max(1, n - 1));
  return ctx.fromHost(dtypeArg(a, dtypeIndex, 'float32'), [n], Array.from({ length: n }, (_, i) => (n === 1 ? 1 : alpha - (1 - alpha) * Math.cos(turns * i))));
}

/** Options of the _like family. */
const LIKE = `${OPTIONS}, int? memory_format=None`;
const like = (a: Args): readonly number[] => a.tensor(0).meta.shape;
const own = (a: Args): DType => a.tensor(0).meta.dtype;

export const creationOperators = operators({
  [`aten::zeros(int[] size, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(0), 0, dtypeArg(a, 1, 'float32')),
  [`aten::ones(int[] size, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(0), 1, dtypeArg(a, 1, 'float32')),
  // What an empty tensor holds is undefined; zeros keep runs alike.
  [`aten::empty.memory_format(int[] size, ${LIKE}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(0), 0, dtypeArg(a, 1, 'float32')),
  [`aten::full(int[] size, Scalar fill_value, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(0), a.number(1), dtypeArg(a, 2, inferred(ctx, a, 1))),
  [`aten::zeros_like(Tensor self, ${LIKE}) -> Tensor`]: (ctx, a) => fill(ctx, like(a), 0, dtypeArg(a, 1, own(a))),
  [`aten::ones_like(Tensor self, ${LIKE}) -> Tensor`]: (ctx, a) => fill(ctx, like(a), 1, dtypeArg(a, 1, own(a))),
  [`aten::empty_like(Tensor self, ${LIKE}) -> Tensor`]: (ctx, a) => fill(ctx, like(a), 0, dtypeArg(a, 1, own(a))),
  [`aten::full_like(Tensor self, Scalar fill_value, ${LIKE}) -> Tensor`]: (ctx, a) => fill(ctx, like(a), a.number(1), dtypeArg(a, 2, own(a))),
  [`aten::new_zeros(Tensor self, int[] size, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(1), 0, dtypeArg(a, 2, own(a))),
  [`aten::new_ones(Tensor self, int[] size, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(1), 1, dtypeArg(a, 2, own(a))),
  [`aten::new_empty(Tensor self, int[] size, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(1), 0, dtypeArg(a, 2, own(a))),
  [`aten::new_full(Tensor self, int[] size, Scalar fill_value, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(1), a.number(2), dtypeArg(a, 3, own(a))),
  [`aten::arange(Scalar end, ${OPTIONS}) -> Tensor`]: (ctx, a) => arange(ctx, a, 0, a.number(0), 1, dtypeArg(a, 1, inferred(ctx, a, 0))),
  [`aten::arange.start(Scalar start, Scalar end, ${OPTIONS}) -> Tensor`]: (ctx, a) =>
    arange(ctx, a, a.number(0), a.number(1), 1, dtypeArg(a, 2, inferred(ctx, a, 0, 1))),
  [`aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, ${OPTIONS}) -> Tensor`]: (ctx, a) =>
    arange(ctx, a, a.number(0), a.number(1), a.number(2), dtypeArg(a, 3, inferred(ctx, a, 0, 1, 2))),
  [`aten::linspace(Scalar start, Scalar end, int steps, ${OPTIONS}) -> Tensor`]: (ctx, a) => {
    const [start, end, steps] = [a.number(0), a.number(1), checkCount(ctx, a.op, a.number(2))];
    return ctx.fromHost(dtypeArg(a, 3, 'float32'), [steps], Array.from({ length: steps }, (_, i) => (steps === 1 ? start : start + (i * (end - start)) / (steps - 1))));
  },
  [`aten::eye(int n, ${OPTIONS}) -> Tensor`]: (ctx, a) => {
    const n = a.number(0);
    checkCount(ctx, a.op, n * n);
    return ctx.fromHost(dtypeArg(a, 1, 'float32'), [n, n], Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)));
  },
  [`aten::eye.m(int n, int m, ${OPTIONS}) -> Tensor`]: (ctx, a) => {
    const [n, m] = [a.number(0), a.number(1)];
    return ctx.fromHost(dtypeArg(a, 2, 'float32'), [n, m], Array.from({ length: checkCount(ctx, a.op, n * m) }, (_, i) => Number(Math.floor(i / m) === i % m)));
  },
  [`aten::logspace(Scalar start, Scalar end, int steps, float base=10.0, ${OPTIONS}) -> Tensor`]: (ctx, a) => {
    const [start, end, steps] = [a.number(0), a.number(1), checkCount(ctx, a.op, a.number(2))];
    const at = (i: number): number => (steps === 1 ? start : start + (i * (end - start)) / (steps - 1));
    return ctx.fromHost(dtypeArg(a, 4, 'float32'), [steps], Array.from({ length: steps }, (_, i) => a.number(3) ** at(i)));
  },
  [`aten::tril_indices(int row, int col, int offset=0, ${TRIANGLE}) -> Tensor`]: (ctx, a) => triangleIndices(ctx, a, (r, c, shift) => c - r <= shift),
  [`aten::triu_indices(int row, int col, int offset=0, ${TRIANGLE}) -> Tensor`]: (ctx, a) => triangleIndices(ctx, a, (r, c, shift) => c - r >= shift),
  [`aten::empty_strided(int[] size, int[] stride, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(0), 0, dtypeArg(a, 2, 'float32')),
  [`aten::new_empty_strided(Tensor self, int[] size, int[] stride, ${OPTIONS}) -> Tensor`]: (ctx, a) => fill(ctx, a.numbers(1), 0, dtypeArg(a, 3, own(a))),
  [`aten::zero(Tensor self) -> Tensor`]: (ctx, a) => fill(ctx, like(a), 0, own(a)),
  [`aten::hann_window(int window_length, ${OPTIONS}) -> Tensor`]: (ctx, a) => window(ctx, a, a.number(0), true, 0.5, 1),
  [`aten::hann_window.periodic(int window_length, bool periodic, ${OPTIONS}) -> Tensor`]: (ctx, a) => window(ctx, a, a.number(0), a.bool(1), 0.5, 2),
  [`aten::hamming_window(int window_length, ${OPTIONS}) -> Tensor`]: (ctx, a) => window(ctx, a, a.number(0), true, 0.54, 1),
  [`aten::scalar_tensor(Scalar s, ${OPTIONS}) -> Tensor`]: (ctx, a) => ctx.fromHost(dtypeArg(a, 1, 'float32'), [], [a.number(0)]),
  'aten::tensor(t[] data, *, int? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor': tensorOf,
  'aten::tensor.float(float t, *, int? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor': tensorOf,
  'aten::tensor.int(int t, *, int? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor': tensorOf,
  'aten::tensor.bool(bool t, *, int? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor': tensorOf,
  'aten::as_tensor(Tensor(a) data, *, int? dtype=None, Device? device=None) -> Tensor(a|b)': (ctx, a) => castTo(ctx, a.tensor(0), dtypeArg(a, 1, own(a))),
  'aten::as_tensor.float(float t, *, int? dtype=None, Device? device=None) -> Tensor': tensorOf,
  'aten::as_tensor.int(int t, *, int? dtype=None, Device? device=None) -> Tensor': tensorOf,
  'aten::as_tensor.bool(bool t, *, int? dtype=None, Device? device=None) -> Tensor': tensorOf,
  'aten::as_tensor.list(t[] data, *, int? dtype=None, Device? device=None) -> Tensor': tensorOf,
  'aten::lift_fresh(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::lift_fresh_copy(Tensor self) -> Tensor': (ctx, a) => clone(ctx, a.tensor(0)),
});
