import type { Tensor } from '../../../kernels/device/device.ts';
import { linear } from '../../../kernels/ops/linear.ts';
import { matmul } from '../../../kernels/ops/matmul.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo, withInPlace } from './elementwise.ts';
import { number } from './promote.ts';
import { sumDims } from './reduction.ts';
import { permute, reshape, squeeze, transpose, unsqueeze } from './views.ts';
import { badArgument, dimArg } from './support.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** torch.matmul: vectors count as rows or columns, batches broadcast. */
export function runMatmul(ctx: OpContext, a: Tensor, b: Tensor): Tensor {
  if (rank(a) === 1 && rank(b) === 1) return reshape(ctx, runMatmul(ctx, unsqueeze(ctx, a, 0), unsqueeze(ctx, b, 1)), []);
  if (rank(a) === 1) { const y = runMatmul(ctx, unsqueeze(ctx, a, 0), b); return squeeze(ctx, y, [rank(y) - 2]); }
  if (rank(b) === 1) { const y = runMatmul(ctx, a, unsqueeze(ctx, b, 1)); return squeeze(ctx, y, [rank(y) - 1]); }
  return isFloat(a.meta.dtype) ? ctx.run(matmul, [a, b], {})[0]! : integerProduct(ctx, a, b);
}

/** The product of matrices of integers, exact: kernels multiply floats. Indices are computed so, of few elements. */
function integerProduct(ctx: OpContext, a: Tensor, b: Tensor): Tensor {
  const [rows, columns] = [ctx.toLayout(a, 'contiguous'), ctx.toLayout(transpose(ctx, b, rank(b) - 2, rank(b) - 1), 'contiguous')];
  const terms = runBinary(ctx, 'mul', unsqueeze(ctx, rows, rank(a) - 1), unsqueeze(ctx, columns, rank(b) - 2));
  return castTo(ctx, sumDims(ctx, terms, [rank(terms) - 1], false), a.meta.dtype);
}

function checked(ctx: OpContext, a: Args, ranks: number): Tensor {
  if (rank(a.tensor(0)) !== ranks || rank(a.tensor(1)) !== ranks) {
    throw badArgument(a.op, `needs two tensors of ${ranks} dimensions, got ${rank(a.tensor(0))} and ${rank(a.tensor(1))}`);
  }
  return runMatmul(ctx, a.tensor(0), a.tensor(1));
}

/** torch.nn.functional.linear; a vector is one row. */
export function runLinear(ctx: OpContext, x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  if (rank(weight) === 1) return runMatmul(ctx, x, weight);
  return ctx.run(linear, bias ? [x, weight, bias] : [x, weight], {})[0]!;
}

/** beta * self + alpha * product, as addmm and its kin have it. */
function addProduct(ctx: OpContext, a: Args): Tensor {
  const product = runMatmul(ctx, a.tensor(1), a.tensor(2));
  const [beta, alpha] = [a.number(3), a.number(4)];
  const self = beta === 1 ? a.tensor(0) : runBinary(ctx, 'mul', a.tensor(0), { value: beta, dtype: 'float32' });
  return runBinary(ctx, 'add', self, product, { alpha });
}

/** torch.addbmm: the products of all matrices of a batch, summed. */
function addSummed(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(1), a.tensor(2)];
  // The sum over the batch is one product of the matrices laid side by side.
  const [batch, n, m] = x.meta.shape as [number, number, number];
  const left = reshape(ctx, permute(ctx, x, [1, 0, 2]), [n, batch * m], a.op);
  const product = runMatmul(ctx, left, reshape(ctx, y, [batch * m, y.meta.shape[2]!], a.op));
  return runBinary(ctx, 'add', runBinary(ctx, 'mul', a.tensor(0), number(a.number(3))), product, { alpha: a.number(4) });
}

/** torch.addr: beta * self + alpha * outer product. */
function addOuter(ctx: OpContext, a: Args): Tensor {
  const outer = runBinary(ctx, 'mul', unsqueeze(ctx, a.tensor(1), 1), a.tensor(2));
  return runBinary(ctx, 'add', runBinary(ctx, 'mul', a.tensor(0), number(a.number(3))), outer, { alpha: a.number(4) });
}

const SUM = ', *, Scalar beta=1, Scalar alpha=1';

export const linearOperators: Operator[] = [
  ...withInPlace('aten::addmm', `, Tensor mat1, Tensor mat2${SUM}`, addProduct),
  ...withInPlace('aten::baddbmm', `, Tensor batch1, Tensor batch2${SUM}`, addProduct),
  ...withInPlace('aten::addmv', `, Tensor mat, Tensor vec${SUM}`, addProduct),
  ...withInPlace('aten::addbmm', `, Tensor batch1, Tensor batch2${SUM}`, addSummed),
  ...withInPlace('aten::addr', `, Tensor vec1, Tensor vec2${SUM}`, addOuter),
  ...operators({
    'aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor': (ctx, a) => runLinear(ctx, a.tensor(0), a.tensor(1), a.optionalTensor(2)),
    'aten::matmul(Tensor self, Tensor other) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
    'aten::mm(Tensor self, Tensor mat2) -> Tensor': (ctx, a) => checked(ctx, a, 2),
    'aten::bmm(Tensor self, Tensor mat2) -> Tensor': (ctx, a) => checked(ctx, a, 3),
    'aten::mv(Tensor self, Tensor vec) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
    'aten::dot(Tensor self, Tensor tensor) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
    'aten::inner(Tensor self, Tensor other) -> Tensor': (ctx, a) => {
    const [x, y] = [a.tensor(0), a.tensor(1)];
    if (rank(x) === 0 || rank(y) === 0) return runBinary(ctx, 'mul', x, y);
    if (rank(y) === 1) return runMatmul(ctx, x, y);
    const flat = reshape(ctx, y, [-1, y.meta.shape.at(-1)!], a.op);
    return reshape(ctx, runMatmul(ctx, x, transpose(ctx, flat, 0, 1)), [...x.meta.shape.slice(0, -1), ...y.meta.shape.slice(0, -1)], a.op);
  },
    'aten::vdot(Tensor self, Tensor other) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
    'aten::linalg_matmul(Tensor self, Tensor other) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
    'aten::linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor': (ctx, a) => {
    const product = runBinary(ctx, 'mul', a.tensor(0), a.tensor(1));
    return sumDims(ctx, product, [dimArg(a, 2, rank(product))], false);
  },
  }),
];
