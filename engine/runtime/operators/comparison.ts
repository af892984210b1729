import type { BinaryKind } from '../../../kernels/ops/binary.ts';
import { where } from '../../../kernels/ops/where.ts';
import { numel } from '../../../kernels/tensor.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo, runUnary, toFloat, withInPlace } from './elementwise.ts';
import { asTensor, computeType, operandArg, resultType, type Operand } from './promote.ts';

const compare = (kind: BinaryKind) => (ctx: OpContext, a: Args): Tensor => runBinary(ctx, kind, operandArg(ctx, a, 0), operandArg(ctx, a, 1));

/** torch.where with promotion of both choices. */
export function choose(ctx: OpContext, condition: Tensor, a: Operand, b: Operand, dtype = resultType([a, b])): Tensor {
  const compute = computeType(dtype);
  const chosen = ctx.run(where, [castTo(ctx, condition, 'bool'), asTensor(ctx, a, compute), asTensor(ctx, b, compute)], {})[0]!;
  return castTo(ctx, chosen, dtype);
}

const COMPARISONS: readonly BinaryKind[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
const LOGICAL: readonly BinaryKind[] = ['logical_and', 'logical_or', 'logical_xor'];
/** Bitwise functions by the names that Python's operators have in TorchScript. */
const BITWISE: readonly [name: string, kind: BinaryKind][] = [
  ['bitwise_and', 'bitwise_and'], ['bitwise_or', 'bitwise_or'], ['bitwise_xor', 'bitwise_xor'], ['__and__', 'bitwise_and'], ['__or__', 'bitwise_or'],
  ['__xor__', 'bitwise_xor'], ['__lshift__', 'bitwise_left_shift'], ['__rshift__', 'bitwise_right_shift'],
  ['bitwise_left_shift', 'bitwise_left_shift'], ['bitwise_right_shift', 'bitwise_right_shift'],
];

/** `__and__` becomes `__iand__`, `bitwise_and` `bitwise_and_`. */
const inPlaceName = (name: string): string => (name.startsWith('__') ? `__i${name.slice(2)}` : `${name}_`);

/** Longer names of the comparisons. */
const ALIASES: readonly [name: string, kind: BinaryKind][] = [
  ['not_equal', 'ne'], ['less', 'lt'], ['less_equal', 'le'], ['greater', 'gt'], ['greater_equal', 'ge'],
];

/** torch.isclose: |a - b| <= atol + rtol |b|. */
function isClose(ctx: OpContext, x: Tensor, y: Tensor, rtol: number, atol: number, equalNan: boolean): Tensor {
  const [p, q] = [toFloat(ctx, x), toFloat(ctx, y)];
  const limit = runBinary(ctx, 'add', runBinary(ctx, 'mul', runUnary(ctx, q, 'abs'), { value: rtol, dtype: 'float32' }), { value: atol, dtype: 'float32' });
  const near = runBinary(ctx, 'le', runUnary(ctx, runBinary(ctx, 'sub', p, q), 'abs'), limit);
  const finite = runUnary(ctx, runUnary(ctx, q, 'isinf'), 'logical_not');
  const close = runBinary(ctx, 'logical_or', runBinary(ctx, 'logical_and', near, finite), runBinary(ctx, 'eq', p, q));
  if (!equalNan) return close;
  return runBinary(ctx, 'logical_or', close, runBinary(ctx, 'logical_and', runUnary(ctx, p, 'isnan'), runUnary(ctx, q, 'isnan')));
}

/** Whether a bool tensor is true everywhere; waits for its data. */
async function everywhere(ctx: OpContext, t: Tensor): Promise<boolean> {
  const host = await ctx.read(ctx.toLayout(t, 'contiguous'));
  return host.data.subarray(0, numel(t.meta.shape)).every((v) => v !== 0);
}

const choice = (ctx: OpContext, a: Args): Tensor => choose(ctx, a.tensor(0), operandArg(ctx, a, 1), operandArg(ctx, a, 2));
const maskedFill = (ctx: OpContext, a: Args): Tensor => choose(ctx, a.tensor(1), operandArg(ctx, a, 2), a.tensor(0), a.tensor(0).meta.dtype);

/** The largest finite float32, which stands in for infinities. */
const LARGEST = 3.4028234663852886e38;

/** torch.nan_to_num: NaN and the infinities become numbers. */
function nanToNum(ctx: OpContext, a: Args): Tensor {
  const x = toFloat(ctx, a.tensor(0));
  const number = (index: number, fallback: number): Operand => ({ value: a.optionalNumber(index) ?? fallback, dtype: 'float32' });
  const infinite = runUnary(ctx, x, 'isinf');
  const positive = runBinary(ctx, 'gt', x, { value: 0, dtype: 'float32' });
  const ends = choose(ctx, positive, number(2, LARGEST), number(3, -LARGEST));
  return choose(ctx, runUnary(ctx, x, 'isnan'), number(1, 0), choose(ctx, infinite, ends, x));
}

export const comparisonOperators: Operator[] = [
  ...COMPARISONS.flatMap((kind) => [
    ...withInPlace(`aten::${kind}.Tensor`, ', Tensor other', compare(kind)), ...withInPlace(`aten::${kind}.Scalar`, ', Scalar other', compare(kind)),
  ]),
  ...LOGICAL.flatMap((kind) => withInPlace(`aten::${kind}`, ', Tensor other', (ctx, a) =>
    runBinary(ctx, kind, castTo(ctx, a.tensor(0), 'bool'), castTo(ctx, a.tensor(1), 'bool')))),
  ...BITWISE.flatMap(([name, kind]) => [
    ...operators({
      [`aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`]: compare(kind),
      [`aten::${name}.Scalar(Tensor self, Scalar other) -> Tensor`]: compare(kind),
    }),
    ...operators({
      [`aten::${inPlaceName(name)}.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`]: (ctx, a) => ctx.assign(a.tensor(0), compare(kind)(ctx, a)),
      [`aten::${inPlaceName(name)}.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`]: (ctx, a) => ctx.assign(a.tensor(0), compare(kind)(ctx, a)),
    }, { pure: false }),
  ]),
  ...ALIASES.flatMap(([name, kind]) => operators({
    [`aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`]: compare(kind), [`aten::${name}.Scalar(Tensor self, Scalar other) -> Tensor`]: compare(kind),
  })),
  ...operators({
    'aten::isfinite(Tensor self) -> Tensor': (ctx, a) => {
      const x = toFloat(ctx, a.tensor(0));
      return runUnary(ctx, runBinary(ctx, 'logical_or', runUnary(ctx, x, 'isnan'), runUnary(ctx, x, 'isinf')), 'logical_not');
    },
    'aten::isposinf(Tensor self) -> Tensor': (ctx, a) => runBinary(ctx, 'eq', toFloat(ctx, a.tensor(0)), { value: Infinity, dtype: 'float32' }),
    'aten::isneginf(Tensor self) -> Tensor': (ctx, a) => runBinary(ctx, 'eq', toFloat(ctx, a.tensor(0)), { value: -Infinity, dtype: 'float32' }),
    'aten::isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor': (ctx, a) =>
      isClose(ctx, a.tensor(0), a.tensor(1), a.number(2), a.number(3), a.bool(4)),
    'aten::allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool': (ctx, a) =>
      everywhere(ctx, isClose(ctx, a.tensor(0), a.tensor(1), a.number(2), a.number(3), a.bool(4))),
    'aten::equal(Tensor self, Tensor other) -> bool': (ctx, a) => {
      if (a.tensor(0).meta.shape.join() !== a.tensor(1).meta.shape.join()) return false;
      return everywhere(ctx, runBinary(ctx, 'eq', a.tensor(0), a.tensor(1)));
    },
    'aten::heaviside(Tensor self, Tensor values) -> Tensor': (ctx, a) => {
      const x = a.tensor(0);
      const zero = { value: 0, dtype: 'int64' } as const;
      return choose(ctx, runBinary(ctx, 'eq', x, zero), a.tensor(1), castTo(ctx, runBinary(ctx, 'gt', x, zero), x.meta.dtype), x.meta.dtype);
    },
    'aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor': choice,
    'aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor': choice,
    'aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor': choice,
    'aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor': choice,
  }),
  ...withInPlace('aten::nan_to_num', ', float? nan=None, float? posinf=None, float? neginf=None', nanToNum),
  ...withInPlace('aten::masked_fill.Scalar', ', Tensor mask, Scalar value', maskedFill),
  ...withInPlace('aten::masked_fill.Tensor', ', Tensor mask, Tensor value', maskedFill),
];
