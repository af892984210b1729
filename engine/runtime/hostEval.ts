import { emptyHost, hasLayout, makeMeta, type Layout } from '../../kernels/layout.ts';
import type { Admission, KernelOp } from '../../kernels/op.ts';
import { copyStrided } from '../../kernels/ops/strided.ts';
import { numel, type HostTensor } from '../../kernels/tensor.ts';

/** Shape arithmetic of traced models runs on tensors of a few elements; computing them on the host saves a dispatch and a readback each. */
const LARGEST = 64;

/**
 * Runs an op's reference on host tensors in any layout.
 * @param admit asked before memory is taken
 */
export function evaluateOnHost<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A, admit?: Admission): HostTensor[] {
  const metas = inputs.map((t) => t.meta);
  const layouts = op.layouts?.(metas, attrs);
  const ready = inputs.map((t, i) => hostToLayout(t, layouts ? layouts[i] ?? 'contiguous' : 'contiguous'));
  const results = op.infer(ready.map((t) => t.meta), attrs);
  admit?.(op as KernelOp, ready.map((t) => t.meta), results, attrs);
  const outputs = results.map(emptyHost);
  op.reference(ready, outputs, attrs);
  return outputs;
}

/** Whether all are known on the host and small: then an op on them is better computed there. */
export function allSmallHost(inputs: readonly (HostTensor | null)[]): inputs is HostTensor[] {
  return inputs.length > 0 && inputs.every((t) => t !== null && numel(t.meta.shape) <= LARGEST);
}

/** A host tensor in a layout: itself where it already lies so, else a copy. */
export function hostToLayout(t: HostTensor, layout: Layout): HostTensor {
  if (layout === 'any' || hasLayout(t.meta, layout)) return t;
  const out = emptyHost(makeMeta(t.meta.dtype, t.meta.shape, layout, t.meta.q));
  copyStrided(out.data, out.meta.strides, 0, t.data, t.meta.strides, t.meta.offset, t.meta.shape);
  return out;
}
