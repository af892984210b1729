import type { Tensor } from '../../../kernels/device/device.ts';
import { linear } from '../../../kernels/ops/linear.ts';
import { matmul } from '../../../kernels/ops/matmul.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { reshape, squeeze, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** torch.matmul: vectors count as rows or columns, batches broadcast. */
export function runMatmul(ctx: OpContext, a: Tensor, b: Tensor): Tensor {
  if (rank(a) === 1 && rank(b) === 1) return reshape(ctx, runMatmul(ctx, unsqueeze(ctx, a, 0), unsqueeze(ctx, b, 1)), []);
  if (rank(a) === 1) { const y = runMatmul(ctx, unsqueeze(ctx, a, 0), b); return squeeze(ctx, y, [rank(y) - 2]); }
  if (rank(b) === 1) { const y = runMatmul(ctx, a, unsqueeze(ctx, b, 1)); return squeeze(ctx, y, [rank(y) - 1]); }
  return ctx.run(matmul, [a, b], {})[0]!;
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

export const linearOperators = operators({
  'aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor': addProduct,
  'aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor': addProduct,
  'aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor': (ctx, a) => runLinear(ctx, a.tensor(0), a.tensor(1), a.optionalTensor(2)),
  'aten::matmul(Tensor self, Tensor other) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
  'aten::mm(Tensor self, Tensor mat2) -> Tensor': (ctx, a) => checked(ctx, a, 2),
  'aten::bmm(Tensor self, Tensor mat2) -> Tensor': (ctx, a) => checked(ctx, a, 3),
  'aten::mv(Tensor self, Tensor vec) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
  'aten::dot(Tensor self, Tensor tensor) -> Tensor': (ctx, a) => runMatmul(ctx, a.tensor(0), a.tensor(1)),
});

