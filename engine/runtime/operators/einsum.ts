import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import { runMatmul } from './linear.ts';
import { sumDims } from './reduction.ts';
import { permute, reshape } from './views.ts';
import { badArgument, reView } from './support.ts';

/** An operand with a label for each of its dimensions. */
interface Labelled { readonly tensor: Tensor; readonly labels: string }

/** Labels that stand for the dimensions of an ellipsis, outermost first. */
const ELLIPSIS_LABELS = '0123456789';

const OP = 'aten::einsum';

/** Splits `ij,jk->ik` into labels an operand and of the result; an ellipsis becomes labels of its own. */
function parseEquation(equation: string, ranks: readonly number[]): { inputs: string[]; output: string } {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== ranks.length) throw badArgument(OP, `'${equation}' has ${terms.length} operands, got ${ranks.length}`);
  let widest = 0;
  const inputs = terms.map((term, i) => {
    const spare = ranks[i]! - term.replace('...', '').length;
    if (!term.includes('...') && spare !== 0) throw badArgument(OP, `'${term}' of '${equation}' does not fit a tensor of ${ranks[i]} dimensions`);
    widest = Math.max(widest, spare);
    return { term, spare };
  });
  const ellipsis = (count: number): string => ELLIPSIS_LABELS.slice(widest - count, widest);
  const full = inputs.map(({ term, spare }) => term.replace('...', ellipsis(spare)));
  if (right !== undefined) return { inputs: full, output: right.replace('...', ellipsis(widest)) };
  // Without an arrow: the ellipsis, then labels that occur once, in alphabetical order.
  const once = [...full.join('')].filter((c, _, all) => /[a-zA-Z]/.test(c) && all.filter((d) => d === c).length === 1).sort().join('');
  return { inputs: full, output: ellipsis(widest) + once };
}

/** Repeated labels of one operand become its diagonal. */
function diagonal(ctx: OpContext, { tensor, labels }: Labelled): Labelled {
  const unique = [...new Set(labels)];
  if (unique.length === labels.length) return { tensor, labels };
  const { shape, strides } = tensor.meta;
  const first = (label: string): number => shape[labels.indexOf(label)]!;
  const step = (label: string): number => strides.reduce((sum, s, i) => (labels[i] === label ? sum + s : sum), 0);
  return { tensor: reView(ctx, tensor, unique.map(first), unique.map(step)), labels: unique.join('') };
}

/** Sums over every label that nobody needs any more. */
function reduceTo(ctx: OpContext, { tensor, labels }: Labelled, needed: string): Labelled {
  const gone = [...labels].flatMap((c, i) => (needed.includes(c) ? [] : [i]));
  if (gone.length === 0) return { tensor, labels };
  return { tensor: sumDims(ctx, tensor, gone, false), labels: [...labels].filter((c) => needed.includes(c)).join('') };
}

/** Brings an operand's dimensions into an order, with size 1 for labels that it lacks, and merges them into three: batch, rows, columns. */
function toMatrices(ctx: OpContext, x: Labelled, groups: readonly string[], sizes: ReadonlyMap<string, number>): Tensor {
  const order = groups.join('');
  const turned = permute(ctx, x.tensor, [...order].map((c) => x.labels.indexOf(c)));
  return reshape(ctx, turned, groups.map((g) => [...g].reduce((n, c) => n * sizes.get(c)!, 1)), OP);
}

/** Contracts two operands by one batched matrix product. */
function contract(ctx: OpContext, a: Labelled, b: Labelled, needed: string, sizes: ReadonlyMap<string, number>): Labelled {
  const left = reduceTo(ctx, a, needed + b.labels);
  const right = reduceTo(ctx, b, needed + a.labels);
  const shared = [...left.labels].filter((c) => right.labels.includes(c));
  const batch = shared.filter((c) => needed.includes(c)).join('');
  const summed = shared.filter((c) => !needed.includes(c)).join('');
  const rows = [...left.labels].filter((c) => !right.labels.includes(c)).join('');
  const columns = [...right.labels].filter((c) => !left.labels.includes(c)).join('');
  const product = runMatmul(ctx, toMatrices(ctx, left, [batch, rows, summed], sizes), toMatrices(ctx, right, [batch, summed, columns], sizes));
  const labels = batch + rows + columns;
  return { tensor: reshape(ctx, product, [...labels].map((c) => sizes.get(c)!), OP), labels };
}

/** torch.einsum: operands from left to right, two at a time, each pair one matmul. */
export function einsum(ctx: OpContext, equation: string, tensors: readonly Tensor[]): Tensor {
  const { inputs, output } = parseEquation(equation, tensors.map((t) => t.meta.shape.length));
  const sizes = new Map<string, number>();
  tensors.forEach((t, i) => {
    t.meta.shape.forEach((size, d) => {
      const label = inputs[i]![d]!;
      const known = sizes.get(label);
      if (known !== undefined && known !== size && known !== 1 && size !== 1) throw badArgument(OP, `label ${label} of '${equation}' is ${known} and ${size}`);
      sizes.set(label, Math.max(known ?? 1, size));
    });
  });
  // Sizes of 1 that meet a larger one are repeated.
  const operands = tensors.map((t, i): Labelled => {
    const labels = inputs[i]!;
    const wide = reView(ctx, t, [...labels].map((c) => sizes.get(c)!), t.meta.strides.map((s, d) => (t.meta.shape[d] === sizes.get(labels[d]!) ? s : 0)));
    return diagonal(ctx, { tensor: wide, labels });
  });
  const [first, ...rest] = operands as [Labelled, ...Labelled[]];
  const result = rest.reduce((sum, next, i) => contract(ctx, sum, next, output + rest.slice(i + 1).map((o) => o.labels).join(''), sizes), first);
  const reduced = reduceTo(ctx, result, output);
  return permute(ctx, reduced.tensor, [...output].map((c) => reduced.labels.indexOf(c)));
}

export const einsumOperators = operators({
  'aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor': (ctx, a) => einsum(ctx, a.string(0), a.tensors(1)),
});
