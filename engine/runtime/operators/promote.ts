import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { elementBytes, isFloat, isQuantized, type DType } from '../../../kernels/tensor.ts';
import type { OpContext } from '../operator.ts';
import { describeValue, isTensor, type Args } from '../value.ts';
import { castTo } from './elementwise.ts';
import { isFloatArg } from './support.ts';

/** An operand of an elementwise operator: a tensor, or a Python number with the type that it has in the graph. */
export type Operand = Tensor | { readonly value: number; readonly dtype: 'bool' | 'int64' | 'float32' };

/** A float as an operand. */
export const number = (value: number): Operand => ({ value, dtype: 'float32' });

export const isScalar = (o: Operand): o is Exclude<Operand, Tensor> => 'value' in o;

/** Argument as an operand. Throws RUNTIME_TYPE for anything but a tensor or a number. */
export function operandArg(ctx: OpContext, args: Args, index: number): Operand {
  const v = args.any(index);
  if (isTensor(v)) return v;
  if (typeof v === 'boolean') return { value: Number(v), dtype: 'bool' };
  if (typeof v === 'number') return { value: v, dtype: isFloatArg(ctx, args, index) ? 'float32' : 'int64' };
  throw new QuantbenchError('RUNTIME_TYPE', `${args.op}: argument ${index} should be a tensor or a number, got ${describeValue(v)}`, 'Check that the model file is intact.');
}

const INTEGERS: readonly DType[] = ['int8', 'int16', 'int32', 'int64'];

/** torch.promote_types. */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if (isFloat(a) && isFloat(b)) return a === 'float64' || b === 'float64' ? 'float64' : 'float32';
  if (isFloat(a)) return a;
  if (isFloat(b)) return b;
  if (a === 'bool') return b;
  if (b === 'bool') return a;
  if (a === 'uint8' || b === 'uint8') {
    const other = a === 'uint8' ? b : a;
    return other === 'int8' ? 'int16' : other;
  }
  return INTEGERS[Math.max(INTEGERS.indexOf(a), INTEGERS.indexOf(b))]!;
}

/** A kind of operand weighs only as much as its category allows (c10's combine_categories). */
function combine(higher: DType | null, lower: DType | null): DType | null {
  if (higher === null || lower === null) return higher ?? lower;
  if (isFloat(higher)) return higher;
  return higher === 'bool' || isFloat(lower) ? promoteTypes(higher, lower) : higher;
}

/**
 * torch.result_type: tensors with dimensions come first, then 0-dim tensors, then Python numbers; each following kind changes the type only where its
 * category (bool, int, float) is higher.
 */
export function resultType(operands: readonly Operand[]): DType {
  const levels: [DType | null, DType | null, DType | null] = [null, null, null];
  for (const o of operands) {
    const level = isScalar(o) ? 2 : o.meta.shape.length === 0 ? 1 : 0;
    const dtype = isScalar(o) ? o.dtype : o.meta.dtype;
    if (isQuantized(dtype)) {
      throw new QuantbenchError('RUNTIME_QUANTIZED_UNSUPPORTED', `${dtype} has no place in float arithmetic`, 'Dequantize the tensor first.');
    }
    levels[level] = levels[level] === null ? dtype : promoteTypes(levels[level], dtype);
  }
  return combine(levels[0], combine(levels[1], levels[2]))!;
}

/** The operand as a tensor of a dtype; a number becomes a 0-dim tensor. */
export function asTensor(ctx: OpContext, o: Operand, dtype: DType): Tensor {
  if (!isScalar(o)) return castTo(ctx, o, dtype);
  return ctx.fromHost(dtype, [], [dtype === 'bool' ? Number(o.value !== 0) : isFloat(dtype) ? o.value : Math.trunc(o.value)]);
}

/** The dtype in which kernels compute: narrow integers go through int32. */
export const computeType = (dtype: DType): DType => (elementBytes(dtype) === 1 ? 'int32' : dtype);
