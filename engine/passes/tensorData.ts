import { toRowMajor } from '../../kernels/layout.ts';
import type { TensorData } from '../ir/constant.ts';

/** Elements of a tensor of a model in row-major order, as float32. Do not change them: they may be the tensor's own. */
export function contiguousFloats(t: TensorData): Float32Array {
  const data = toRowMajor(t.host());
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
