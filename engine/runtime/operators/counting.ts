import type { Tensor } from '../../../kernels/device/device.ts';
import { isFloat, numel } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo, runUnary, toFloat } from './elementwise.ts';
import { concatenate } from './join.ts';
import { runMatmul } from './linear.ts';
import { sumDims } from './reduction.ts';
import { badArgument } from './support.ts';
import { reshape, select, slice } from './views.ts';

/** A tensor's elements in row-major order, on the host. */
export async function elements(ctx: OpContext, t: Tensor): Promise<number[]> {
  ctx.reserve(numel(t.meta.shape));
  const host = await ctx.read(ctx.toLayout(t, 'contiguous'));
  return Array.from({ length: numel(t.meta.shape) }, (_, i) => host.data[i]!);
}

/** torch.unique of all elements: sorted values, where each element went, and how often each value occurs. Needs the data. */
async function unique(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const t = a.tensor(0);
  const all = await elements(ctx, t);
  const values = [...new Set(all)].sort((x, y) => x - y);
  const placeOf = new Map(values.map((v, i) => [v, i]));
  const inverse = all.map((v) => placeOf.get(v)!);
  const counts = new Array<number>(values.length).fill(0);
  for (const i of inverse) counts[i]!++;
  return [ctx.fromHost(t.meta.dtype, [values.length], values), ctx.fromHost('int64', t.meta.shape, inverse), ctx.fromHost('int64', [counts.length], counts)];
}

/** torch.unique_consecutive of all elements: runs of equal elements, where each element went, and the length of each run. */
async function uniqueConsecutive(ctx: OpContext, a: Args): Promise<Tensor[]> {
  if (!a.isNone(3)) throw badArgument(a.op, 'runs of whole slices are not told apart here');
  const t = a.tensor(0);
  const all = await elements(ctx, t);
  const starts = all.flatMap((v, i) => (i === 0 || v !== all[i - 1] ? [i] : []));
  let run = -1;
  const inverse = all.map((_, i) => { if (i === starts[run + 1]) run++; return run; });
  const counts = starts.map((s, i) => (starts[i + 1] ?? all.length) - s);
  return [ctx.fromHost(t.meta.dtype, [starts.length], starts.map((i) => all[i]!)), ctx.fromHost('int64', t.meta.shape, inverse), ctx.fromHost('int64', [counts.length], counts)];
}

/** torch.bincount: how often each number from 0 occurs, or the sum of its weights. Needs the data. */
async function binCount(ctx: OpContext, a: Args): Promise<Tensor> {
  const all = await elements(ctx, a.tensor(0));
  const weights = a.isNone(1) ? null : await elements(ctx, a.tensor(1));
  if (all.some((v) => v < 0)) throw badArgument(a.op, 'counts only numbers from 0 on');
  const size = all.reduce((most, v) => Math.max(most, v + 1), a.number(2));
  ctx.reserve(size);
  const counts = new Array<number>(size).fill(0);
  all.forEach((v, i) => { counts[v]! += weights ? weights[i]! : 1; });
  return ctx.fromHost(weights ? 'float32' : 'int64', [counts.length], counts);
}

/** torch.histc: elements in each of even bins between two ends; the last bin has its upper end too. */
async function histogram(ctx: OpContext, a: Args): Promise<Tensor> {
  const t = toFloat(ctx, a.tensor(0));
  const bins = a.number(1);
  ctx.reserve(bins);
  let [low, high] = [a.number(2), a.number(3)];
  if (low === high) {
    const all = await elements(ctx, t);
    [low, high] = [all.reduce((x, y) => Math.min(x, y), Infinity), all.reduce((x, y) => Math.max(x, y), -Infinity)];
    if (low === high) [low, high] = [low - 1, high + 1];
  }
  const flat = reshape(ctx, t, [-1, 1]);
  const number = (value: number): { value: number; dtype: 'float32' } => ({ value, dtype: 'float32' });
  const place = runUnary(ctx, runBinary(ctx, 'div', runBinary(ctx, 'mul', runBinary(ctx, 'sub', flat, number(low)), number(bins)), number(high - low)), 'floor');
  const last = runBinary(ctx, 'minimum', place, ctx.fromHost('float32', [], [bins - 1]));
  const inside = runBinary(ctx, 'logical_and', runBinary(ctx, 'ge', flat, number(low)), runBinary(ctx, 'le', flat, number(high)));
  const here = runBinary(ctx, 'eq', last, ctx.fromHost('float32', [bins], Array.from({ length: bins }, (_, i) => i)));
  const count = sumDims(ctx, runBinary(ctx, 'logical_and', here, inside), [0], false);
  return castTo(ctx, count, isFloat(a.tensor(0).meta.dtype) ? a.tensor(0).meta.dtype : 'float32');
}

/** Products of groups of rows with a matrix each, as mixtures of experts have them: rows up to offsets[g] belong to group g. Needs the offsets. */
async function groupedProduct(ctx: OpContext, a: Args): Promise<Tensor> {
  const [x, matrices] = [a.tensor(0), a.tensor(1)];
  if (a.isNone(2) || x.meta.shape.length !== 2 || matrices.meta.shape.length !== 3) throw badArgument(a.op, 'needs rows [N, K], matrices [G, K, M] and offsets [G]');
  const ends = await elements(ctx, a.tensor(2));
  const parts = ends.map((end, g) => {
    const rows = slice(ctx, x, 0, ends[g - 1] ?? 0, end);
    const product = runMatmul(ctx, rows, select(ctx, matrices, 0, g));
    return a.isNone(3) ? product : runBinary(ctx, 'add', product, select(ctx, a.tensor(3), 0, g));
  });
  return concatenate(ctx, a.op, parts, 0);
}

/** Results whose size depends on the data: while a plan is recorded they make the model run node by node. */
export const countingOperators = operators({
  'aten::_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)': unique,
  'aten::unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> (Tensor, Tensor, Tensor)': uniqueConsecutive,
  'aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor': binCount,
  'aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor': histogram,
  'aten::_grouped_mm(Tensor self, Tensor mat2, Tensor? offs=None, Tensor? bias=None, ScalarType? out_dtype=None) -> Tensor': groupedProduct,
  // The same under the name that the transformers library gives it where PyTorch has no kernel.
  'transformers::grouped_mm_fallback(Tensor input, Tensor weight, Tensor offs) -> Tensor': groupedProduct,
});
