import { full } from '../../../kernels/ops/full.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import { castTo } from './elementwise.ts';
import { asTensor, operandArg } from './promote.ts';
import { clone, expand } from './views.ts';

/** Fills a tensor, or the region that a view shows, with one value. */
function fill(ctx: OpContext, t: Tensor, value: Tensor): Tensor {
  return ctx.assign(t, expand(ctx, castTo(ctx, value, t.meta.dtype), t.meta.shape));
}

/** In-place operators that have no pure form of their own. */
export const assignmentOperators = operators({
  'aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)': (ctx, a) =>
    ctx.assign(a.tensor(0), expand(ctx, a.tensor(1), a.tensor(0).meta.shape, a.op)),
  'aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)': (ctx, a) => {
    const { dtype, shape } = a.tensor(0).meta;
    return ctx.assign(a.tensor(0), ctx.run(full, [], { dtype, shape, value: a.number(1) })[0]!);
  },
  'aten::fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)': (ctx, a) => fill(ctx, a.tensor(0), asTensor(ctx, operandArg(ctx, a, 1), a.tensor(0).meta.dtype)),
  'aten::zero_(Tensor(a!) self) -> Tensor(a!)': (ctx, a) => {
    const { dtype, shape } = a.tensor(0).meta;
    return ctx.assign(a.tensor(0), ctx.run(full, [], { dtype, shape, value: 0 })[0]!);
  },
  'aten::detach_(Tensor(a!) self) -> Tensor(a!)': (_ctx, a) => a.tensor(0),
  'aten::requires_grad_(Tensor(a!) self, bool requires_grad=True) -> Tensor(a!)': (_ctx, a) => a.tensor(0),
}, { pure: false });

export const copyOperators = operators({
  'aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor': (ctx, a) =>
    clone(ctx, castTo(ctx, expand(ctx, a.tensor(1), a.tensor(0).meta.shape, a.op), a.tensor(0).meta.dtype)),
});
