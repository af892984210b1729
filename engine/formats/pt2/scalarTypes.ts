import type { DType } from '../../../kernels/tensor.ts';

/** torch.export numbers element types in its own way (torch/_export/serde/schema.py, ScalarType), one more than c10 up to BFLOAT16. */
const SCALAR_TYPES: Readonly<Record<number, { readonly c10: number; readonly dtype?: DType; readonly name: string }>> = {
  1: { c10: 0, dtype: 'uint8', name: 'uint8' }, 2: { c10: 1, dtype: 'int8', name: 'int8' }, 3: { c10: 2, dtype: 'int16', name: 'int16' },
  4: { c10: 3, dtype: 'int32', name: 'int32' }, 5: { c10: 4, dtype: 'int64', name: 'int64' }, 6: { c10: 5, dtype: 'float16', name: 'float16' },
  7: { c10: 6, dtype: 'float32', name: 'float32' }, 8: { c10: 7, dtype: 'float64', name: 'float64' }, 9: { c10: 8, name: 'complex32' },
  10: { c10: 9, name: 'complex64' }, 11: { c10: 10, name: 'complex128' }, 12: { c10: 11, dtype: 'bool', name: 'bool' },
  13: { c10: 15, dtype: 'bfloat16', name: 'bfloat16' }, 28: { c10: 27, name: 'uint16' }, 29: { c10: 24, name: 'float8_e4m3fn' },
  30: { c10: 23, name: 'float8_e5m2' }, 31: { c10: 26, name: 'float8_e4m3fnuz' }, 32: { c10: 25, name: 'float8_e5m2fnuz' },
};

/** Element type of a serialized tensor; null where it is not held here. */
export const dtypeOf = (serialized: number): DType | null => SCALAR_TYPES[serialized]?.dtype ?? null;
/** `complex64`, or the number where it is not known. */
export const dtypeName = (serialized: number): string => SCALAR_TYPES[serialized]?.name ?? `type ${serialized}`;
/** The number that TorchScript has for it, which operators take. */
export const c10ScalarType = (serialized: number): number | null => SCALAR_TYPES[serialized]?.c10 ?? null;

/** c10's numbers of layouts and memory formats, by the serialized ones. */
export const STRIDED = 7;
export const C10_LAYOUTS: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 4, 4: 5, 5: 6, 6: 3, [STRIDED]: 0 };
export const C10_MEMORY_FORMATS: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 3, 4: 1 };
