import type { HostArray, HostTensor } from '../../kernels/tensor.ts';
import { newHostArray, numel } from '../../kernels/tensor.ts';
import { contiguousStrides } from '../../kernels/layout.ts';

/** The elements of a tensor in row-major order; its own array where it lies so already. */
export function gather(t: HostTensor): HostArray {
  const { shape, strides, offset, dtype } = t.meta;
  const count = numel(shape);
  const dense = contiguousStrides(shape);
  if (shape.every((d, i) => d === 1 || strides[i] === dense[i])) return t.data.subarray(offset, offset + count);
  const out = newHostArray(dtype, count);
  const index = new Array<number>(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    out[i] = t.data[at]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d]!;
      if (++index[d]! < shape[d]!) break;
      at -= strides[d]! * shape[d]!;
      index[d] = 0;
    }
  }
  return out;
}
