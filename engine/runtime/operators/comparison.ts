import type { BinaryKind } from '../../../kernels/ops/binary.ts';
import { where } from '../../../kernels/ops/where.ts';
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
];

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
  ...LOGICAL.flatMap((kind) => operators({
    [`aten::${kind}(Tensor self, Tensor other) -> Tensor`]: (ctx, a) => runBinary(ctx, kind, castTo(ctx, a.tensor(0), 'bool'), castTo(ctx, a.tensor(1), 'bool')),
  })),
  ...BITWISE.flatMap(([name, kind]) => operators({
    [`aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`]: compare(kind),
    [`aten::${name}.Scalar(Tensor self, Scalar other) -> Tensor`]: compare(kind),
  })),
  ...operators({
    'aten::isfinite(Tensor self) -> Tensor': (ctx, a) => {
      const x = toFloat(ctx, a.tensor(0));
      return runUnary(ctx, runBinary(ctx, 'logical_or', runUnary(ctx, x, 'isnan'), runUnary(ctx, x, 'isinf')), 'logical_not');
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
