import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { normalizeDim } from '../../../kernels/ops/checks.ts';
import type { DType, TensorMeta } from '../../../kernels/tensor.ts';
import type { OpContext } from '../operator.ts';
import type { Args } from '../value.ts';

/** PyTorch's numbers of dtypes (c10::ScalarType), as `dtype=6` arguments and prim::dtype carry them. */
const SCALAR_TYPES: Readonly<Record<number, DType>> = {
  0: 'uint8', 1: 'int8', 2: 'int16', 3: 'int32', 4: 'int64', 5: 'float16', 6: 'float32', 7: 'float64', 11: 'bool',
  12: 'qint8', 13: 'quint8', 14: 'qint32', 15: 'bfloat16',
};

/** Throws RUNTIME_DTYPE for complex and other types that no model of ours can hold. */
export function dtypeOf(code: number): DType {
  const dtype = SCALAR_TYPES[code];
  if (!dtype) {
    throw new QuantbenchError('RUNTIME_DTYPE', `dtype number ${code} is not supported`, 'Export the model with float32 and integer tensors.');
  }
  return dtype;
}

export function scalarTypeOf(dtype: DType): number {
  return Number(Object.entries(SCALAR_TYPES).find(([, name]) => name === dtype)![0]);
}

/** A `dtype` argument, or the default where it is None. */
export function dtypeArg(args: Args, index: number, fallback: DType): DType {
  return args.isNone(index) ? fallback : dtypeOf(args.number(index));
}

/** A dimension argument counted from the front. */
export function dimArg(args: Args, index: number, rank: number): number {
  return normalizeDim(args.op, args.number(index), rank);
}

/** Several dimensions counted from the front; an empty or missing list means all. */
export function dimsArg(args: Args, index: number, rank: number): number[] {
  const dims = args.optionalNumbers(index);
  if (!dims || dims.length === 0) return Array.from({ length: rank }, (_, i) => i);
  return dims.map((d) => normalizeDim(args.op, d, rank));
}

/** Whether an argument is a float by its type in the graph; a number without one counts by its value. */
export function isFloatArg(ctx: OpContext, args: Args, index: number): boolean {
  const type = ctx.node.inputTypes[index];
  if (type?.kind === 'float') return true;
  if (type?.kind === 'int' || type?.kind === 'bool') return false;
  const v = args.any(index);
  return typeof v === 'number' && !Number.isInteger(v);
}

/** The same storage under another shape and strides; dtype and qparams stay. */
export function reView(ctx: OpContext, t: Tensor, shape: readonly number[], strides: readonly number[], offset = t.meta.offset): Tensor {
  const meta: TensorMeta = { ...t.meta, shape, strides, offset };
  return ctx.view(t, meta);
}

/** RUNTIME_ARGUMENT with the operator's name in front. */
export function badArgument(op: string, message: string, hint = 'Check what the model passes to this operator.'): QuantbenchError {
  return new QuantbenchError('RUNTIME_ARGUMENT', `${op}: ${message}`, hint);
}
