import { QuantbenchError } from '../errors.ts';
import { hasLayout, storageBytes } from '../layout.ts';
import type { Admission, KernelOp } from '../op.ts';
import { describeMeta, type TensorMeta } from '../tensor.ts';
import { checkHostMemory } from './hostMemory.ts';

/** Of one tensor: more than the buffers of most GPUs hold, and of programs that let a tensor grow without end the first to stop. */
const MOST_BYTES = 2 ** 31;

/**
 * What every device checks before an op runs: inputs lie as the op asks, and its outputs fit into memory.
 * @param admit what the caller asks beyond that
 * @returns metas of the outputs
 * @throws QuantbenchError KERNEL_LAYOUT, KERNEL_TOO_LARGE, DEVICE_OUT_OF_MEMORY, or whatever the op's own shape rule throws
 */
export function checkCall<A>(op: KernelOp<A>, inputs: readonly TensorMeta[], attrs: A, admit?: Admission): TensorMeta[] {
  const outputs = op.infer(inputs, attrs);
  const layouts = op.layouts?.(inputs, attrs);
  inputs.forEach((meta, i) => {
    const want = layouts?.[i] ?? 'contiguous';
    if (!hasLayout(meta, want)) {
      throw new QuantbenchError('KERNEL_LAYOUT', `${op.name}: input ${i}, ${describeMeta(meta)} with strides [${meta.strides.join(', ')}], is not ${want}`,
        'Call dispatch(), which copies inputs into the layouts that a kernel asks for.');
    }
  });
  for (const meta of outputs) {
    const bytes = storageBytes(meta);
    if (bytes > MOST_BYTES) {
      throw new QuantbenchError('KERNEL_TOO_LARGE', `${op.name} gives ${describeMeta(meta)}, ${bytes} bytes; a tensor may have ${MOST_BYTES}`,
        'Use a smaller batch or smaller inputs; if the sizes are the model\'s own, check that its file is intact.');
    }
    checkHostMemory(bytes, `${op.name}, which gives ${describeMeta(meta)},`);
  }
  admit?.(op, inputs, outputs, attrs);
  return outputs;
}

/** Bytes that a call reads and writes at the least: each input and output once. */
export function callBytes(inputs: readonly { storage: { bytes: number } }[], outputs: readonly { storage: { bytes: number } }[]): number {
  return [...inputs, ...outputs].reduce((sum, t) => sum + t.storage.bytes, 0);
}
