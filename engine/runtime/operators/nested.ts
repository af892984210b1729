import type { Tensor } from '../../../kernels/device/device.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo } from './elementwise.ts';
import { concatenate } from './join.ts';
import { padWith } from './resampling.ts';
import { badArgument, reView } from './support.ts';
import { slice, unsqueeze } from './views.ts';

/**
 * Nested tensors, as nn.TransformerEncoder makes one of a batch and its padding mask: sequences of several lengths. Here they stay padded, [N, L, E], in a
 * storage whose rows are one element longer; that element says whether the row is one of the sequence, so that both live and die together.
 */
const nested = new WeakSet<Tensor>();

export const isNested = (t: Tensor): boolean => nested.has(t);

/** A nested tensor of x [N, L, E] and rows [N, L], not zero where a row belongs to its sequence. */
export function nestedTensor(ctx: OpContext, x: Tensor, rows: Tensor): Tensor {
  const whole = concatenate(ctx, 'aten::_nested_tensor_from_mask', [x, castTo(ctx, unsqueeze(ctx, rows, 2), x.meta.dtype)], 2);
  const result = slice(ctx, whole, 2, 0, x.meta.shape[2]!);
  nested.add(result);
  return result;
}

/** Which rows [N, L] of a nested tensor belong to its sequences: 1 or 0, as floats. */
export function nestedRows(ctx: OpContext, t: Tensor): Tensor {
  const { shape, strides, offset } = t.meta;
  return reView(ctx, t, shape.slice(0, 2), strides.slice(0, 2), offset + shape[2]!);
}

function fromMask(ctx: OpContext, a: Args): Tensor {
  const [x, mask] = [a.tensor(0), a.tensor(1)];
  if (x.meta.shape.length !== 3 || mask.meta.shape.length !== 2 || mask.meta.shape.some((d, i) => d !== x.meta.shape[i])) {
    throw badArgument(a.op, `a mask [${mask.meta.shape.join(', ')}] does not fit [${x.meta.shape.join(', ')}]`);
  }
  return nestedTensor(ctx, x, mask);
}

/** Whether every row of a mask is true up to some place and false from there on. Needs the mask's data. */
async function leftAligned(ctx: OpContext, a: Args): Promise<boolean> {
  const mask = a.tensor(1);
  const host = await ctx.read(ctx.toLayout(mask, 'contiguous'));
  const length = mask.meta.shape.at(-1)!;
  const n = numel(mask.meta.shape);
  for (let i = 1; i < n; i++) if (i % length !== 0 && host.data[i] !== 0 && host.data[i - 1] === 0) return false;
  return true;
}

async function toPadded(ctx: OpContext, a: Args): Promise<Tensor> {
  const t = a.tensor(0);
  if (!isNested(t)) throw badArgument(a.op, 'the tensor is not nested');
  const rows = nestedRows(ctx, t);
  const size = a.optionalNumbers(2) ?? [t.meta.shape[0]!, await longest(ctx, rows), t.meta.shape[2]!];
  const belongs = runBinary(ctx, 'ne', unsqueeze(ctx, rows, 2), { value: 0, dtype: 'float32' });
  const plain = choose(ctx, belongs, t, { value: a.number(1), dtype: 'float32' });
  const cut = size.reduce((x, length, d) => slice(ctx, x, d, 0, length), plain);
  const more = size.map((length, d) => length - cut.meta.shape[d]!);
  if (more.every((m) => m === 0)) return cut;
  return padWith(ctx, a.op, cut, more.toReversed().flatMap((m) => [0, m]), 'constant', a.number(1));
}

/** Rows of the longest sequence. */
async function longest(ctx: OpContext, rows: Tensor): Promise<number> {
  const host = await ctx.read(ctx.toLayout(rows, 'contiguous'));
  const length = rows.meta.shape[1]!;
  return Math.max(0, ...Array.from({ length: numel(rows.meta.shape) }, (_, i) => (host.data[i] === 0 ? 0 : (i % length) + 1)));
}

export const nestedOperators = operators({
  'aten::_nested_tensor_from_mask(Tensor t, Tensor mask, bool mask_check=True) -> Tensor': fromMask,
  'aten::_nested_tensor_from_mask_left_aligned(Tensor t, Tensor mask) -> bool': leftAligned,
  'aten::to_padded_tensor(Tensor self, float padding, SymInt[]? output_size=None) -> Tensor': toPadded,
  'prim::is_nested(Tensor a) -> bool': (_ctx, a) => isNested(a.tensor(0)),
});
