import { contiguousStrides } from '../../kernels/layout.ts';
import type { DType } from '../../kernels/tensor.ts';
import type { TensorData } from './constant.ts';
import type { Type } from './types.ts';

/** PyTorch's names of element types in graph dumps. */
const SCALAR_NAMES: Record<DType, string> = {
  float32: 'Float', float64: 'Double', float16: 'Half', bfloat16: 'BFloat16', int64: 'Long', int32: 'Int', int16: 'Short', uint8: 'Byte', int8: 'Char', bool: 'Bool',
  quint8: 'QUInt8', qint8: 'QInt8', qint32: 'QInt32',
};

export function scalarTypeName(dtype: DType): string { return SCALAR_NAMES[dtype]; }

/** What is known of a tensor, as dumps show it: `Float(10, 64, strides=[64, 1], requires_grad=0, device=cpu)`. */
export function describeTensorType(dtype: DType, shape: readonly number[], strides?: readonly number[], requiresGrad = false): string {
  const dims = shape.length === 0 ? '' : `${shape.join(', ')}, strides=[${(strides ?? contiguousStrides(shape)).join(', ')}], `;
  return `${SCALAR_NAMES[dtype]}(${dims}requires_grad=${requiresGrad ? 1 : 0}, device=cpu)`;
}

/** The type of a constant tensor. */
export function tensorTypeOf(t: TensorData): Type {
  return { kind: 'Tensor', detail: describeTensorType(t.dtype, t.shape) };
}
