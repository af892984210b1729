import { full } from '../../../kernels/ops/full.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { castTo } from './elementwise.ts';
import { asTensor, operandArg } from './promote.ts';
import { clone, diagonal, expand, select, slice, squeeze, transpose, unsqueeze } from './views.ts';
import { dimArg, dimsArg } from './support.ts';

/** Fills a tensor, or the region that a view shows, with one value. */
function fill(ctx: OpContext, t: Tensor, value: Tensor): Tensor {
  return ctx.assign(t, expand(ctx, castTo(ctx, value, t.meta.dtype), t.meta.shape));
}

/** Random numbers belong to training: no run would give what PyTorch gave. */
function refuseRandom(a: Args): Tensor {
  throw new QuantbenchError('RUNTIME_TRAINING', `${a.op} draws random numbers, as models do in training mode`, 'Call model.eval() before exporting the model.');
}

function transposed(ctx: OpContext, a: Args): Tensor {
  const rank = a.tensor(0).meta.shape.length;
  return transpose(ctx, a.tensor(0), dimArg(a, 1, rank), dimArg(a, 2, rank));
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
  'aten::fill_diagonal_(Tensor(a!) self, Scalar fill_value, bool wrap=False) -> Tensor(a!)': (ctx, a) => {
    const t = a.tensor(0);
    const line = diagonal(ctx, t, 0, 0, 1);
    ctx.assign(line, ctx.run(full, [], { dtype: t.meta.dtype, shape: line.meta.shape, value: a.number(1) })[0]!);
    return t;
  },
  'aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)': (_ctx, a) => refuseRandom(a),
  'aten::bernoulli_.Tensor(Tensor(a!) self, Tensor p, *, Generator? generator=None) -> Tensor(a!)': (_ctx, a) => refuseRandom(a),
  'aten::uniform_(Tensor(a!) self, float from=0.0, float to=1.0, *, Generator? generator=None) -> Tensor(a!)': (_ctx, a) => refuseRandom(a),
  'aten::normal_(Tensor(a!) self, float mean=0.0, float std=1.0, *, Generator? generator=None) -> Tensor(a!)': (_ctx, a) => refuseRandom(a),
  // In-place changes of shape: the interpreter gives the result to the variable too.
  'aten::squeeze_(Tensor(a!) self) -> Tensor(a!)': (ctx, a) => squeeze(ctx, a.tensor(0), a.tensor(0).meta.shape.map((_, i) => i)),
  'aten::squeeze_.dim(Tensor(a!) self, int dim) -> Tensor(a!)': (ctx, a) => squeeze(ctx, a.tensor(0), [dimArg(a, 1, a.tensor(0).meta.shape.length)]),
  'aten::unsqueeze_(Tensor(a!) self, int dim) -> Tensor(a!)': (ctx, a) => unsqueeze(ctx, a.tensor(0), dimArg(a, 1, a.tensor(0).meta.shape.length + 1)),
  'aten::squeeze_.dims(Tensor(a!) self, int[] dim) -> Tensor(a!)': (ctx, a) => squeeze(ctx, a.tensor(0), dimsArg(a, 1, a.tensor(0).meta.shape.length)),
  'aten::transpose_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)': transposed,
  'aten::swapaxes_(Tensor(a!) self, int axis0, int axis1) -> Tensor(a!)': transposed,
  'aten::swapdims_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)': transposed,
  'aten::t_(Tensor(a!) self) -> Tensor(a!)': (ctx, a) => transpose(ctx, a.tensor(0), 0, 1),
  'aten::detach_(Tensor(a!) self) -> Tensor(a!)': (_ctx, a) => a.tensor(0),
  'aten::requires_grad_(Tensor(a!) self, bool requires_grad=True) -> Tensor(a!)': (_ctx, a) => a.tensor(0),
}, { pure: false });

const FACTORY = '*, int? dtype=None, int? layout=None, Device? device=None, bool? pin_memory=None';

export const copyOperators = operators({
  [`aten::rand(int[] size, ${FACTORY}) -> Tensor`]: (_ctx, a) => refuseRandom(a),
  [`aten::randn(int[] size, ${FACTORY}) -> Tensor`]: (_ctx, a) => refuseRandom(a),
  [`aten::rand_like(Tensor self, ${FACTORY}, int? memory_format=None) -> Tensor`]: (_ctx, a) => refuseRandom(a),
  [`aten::randn_like(Tensor self, ${FACTORY}, int? memory_format=None) -> Tensor`]: (_ctx, a) => refuseRandom(a),
  'aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor': (_ctx, a) => refuseRandom(a),
  'aten::fill.Scalar(Tensor self, Scalar value) -> Tensor': (ctx, a) => ctx.run(full, [], { dtype: a.tensor(0).meta.dtype, shape: a.tensor(0).meta.shape, value: a.number(1) })[0]!,
  'aten::fill.Tensor(Tensor self, Tensor value) -> Tensor': (ctx, a) => clone(ctx, expand(ctx, castTo(ctx, a.tensor(1), a.tensor(0).meta.dtype), a.tensor(0).meta.shape)),
  'aten::slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor': (ctx, a) => {
    const y = clone(ctx, a.tensor(0));
    const dim = dimArg(a, 2, y.meta.shape.length);
    ctx.assign(slice(ctx, y, dim, a.optionalNumber(3) ?? 0, a.optionalNumber(4) ?? Infinity, a.number(5)), a.tensor(1));
    return y;
  },
  'aten::select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor': (ctx, a) => {
    const y = clone(ctx, a.tensor(0));
    ctx.assign(select(ctx, y, dimArg(a, 2, y.meta.shape.length), a.number(3)), a.tensor(1));
    return y;
  },
  'aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor': (ctx, a) =>
    clone(ctx, castTo(ctx, expand(ctx, a.tensor(1), a.tensor(0).meta.shape, a.op), a.tensor(0).meta.dtype)),
});
