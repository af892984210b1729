import { describe, expect, it } from 'vitest';
import { makeMeta } from '../../../kernels/layout.ts';
import type { DType } from '../../../kernels/tensor.ts';
import { promoteTypes, resultType, type Operand } from './promote.ts';

const storage = { bytes: 4, retain: () => undefined, release: () => undefined };
const tensor = (dtype: DType, shape: number[] = [2]): Operand => ({ meta: makeMeta(dtype, shape), storage });
const number = (value: number): Operand => ({ value, dtype: Number.isInteger(value) ? 'int64' : 'float32' });

/** As torch.result_type gives them. */
describe('type promotion', () => {
  it('of two tensors', () => {
    expect(promoteTypes('uint8', 'int8')).toBe('int16');
    expect(promoteTypes('uint8', 'int64')).toBe('int64');
    expect(promoteTypes('bool', 'uint8')).toBe('uint8');
    expect(promoteTypes('int64', 'float16')).toBe('float16');
    expect(promoteTypes('float16', 'bfloat16')).toBe('float32');
    expect(promoteTypes('float32', 'float64')).toBe('float64');
  });

  it('lets 0-dim tensors and Python numbers change the category only', () => {
    expect(resultType([tensor('float32'), tensor('float64', [])])).toBe('float32');
    expect(resultType([tensor('int32'), tensor('int64', [])])).toBe('int32');
    expect(resultType([tensor('int64'), tensor('float64', [])])).toBe('float64');
    expect(resultType([tensor('uint8'), number(3)])).toBe('uint8');
    expect(resultType([tensor('int64'), number(1.5)])).toBe('float32');
    expect(resultType([tensor('bool'), number(1)])).toBe('int64');
    expect(resultType([tensor('float16'), number(1.5)])).toBe('float16');
    expect(resultType([tensor('int64', []), number(2)])).toBe('int64');
  });

  it('refuses quantized tensors', () => {
    expect(() => resultType([tensor('quint8'), number(1)])).toThrow(/quint8/);
  });
});
