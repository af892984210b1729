import type { Tensor } from '../../../kernels/device/device.ts';
import { cast } from '../../../kernels/ops/cast.ts';
import { unary, type UnaryKind } from '../../../kernels/ops/unary.ts';
import { UNARY_TABLE } from '../../../kernels/ops/unary-table.ts';
import { elementBytes, isFloat, type DType } from '../../../kernels/tensor.ts';
import type { Operator, OpContext } from '../operator.ts';
import type { Args } from '../value.ts';

/** The tensor in another dtype: itself where it already is. */
export function castTo(ctx: OpContext, t: Tensor, dtype: DType): Tensor {
  return t.meta.dtype === dtype ? t : ctx.run(cast, [t], { dtype })[0]!;
}

/** The tensor as a float: integers and bools become float32, as PyTorch's functions of reals promote them. */
export function toFloat(ctx: OpContext, t: Tensor): Tensor {
  return isFloat(t.meta.dtype) ? t : castTo(ctx, t, 'float32');
}

/** A function of one number on every element, with PyTorch's promotion: functions of reals make integers float32. */
export function runUnary(ctx: OpContext, x: Tensor, kind: UnaryKind, params: readonly number[] = []): Tensor {
  const entry = UNARY_TABLE[kind];
  if (isFloat(x.meta.dtype)) return ctx.run(unary, [x], { kind, params })[0]!;
  if (!entry.int) return ctx.run(unary, [toFloat(ctx, x)], { kind, params })[0]!;
  if (elementBytes(x.meta.dtype) === 4) return ctx.run(unary, [x], { kind, params })[0]!;
  // Kernels know integers of 32 bits: narrow ones go there and back.
  const wide = ctx.run(unary, [castTo(ctx, x, 'int32')], { kind, params })[0]!;
  return entry.bool === true ? wide : castTo(ctx, wide, x.meta.dtype);
}

/** An operator `NAME(Tensor self, ...)` together with its in-place form `NAME_`. */
export function withInPlace(name: string, rest: string, run: (ctx: OpContext, args: Args) => Tensor): Operator[] {
  const dot = name.indexOf('.');
  const inPlaceName = dot < 0 ? `${name}_` : `${name.slice(0, dot)}_${name.slice(dot)}`;
  return [
    { schema: `${name}(Tensor self${rest}) -> Tensor`, run },
    { schema: `${inPlaceName}(Tensor(a!) self${rest}) -> Tensor(a!)`, run: (ctx, a) => ctx.assign(a.tensor(0), run(ctx, a)), pure: false },
  ];
}
