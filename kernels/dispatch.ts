import type { Device, Tensor } from './device/device.ts';
import { hasLayout, type Layout } from './layout.ts';
import type { Admission, KernelOp } from './op.ts';
import { copy } from './ops/copy.ts';

/** The tensor in a layout: itself where it already lies so, else a copy that the caller owns. */
export function toLayout(device: Device, t: Tensor, layout: Exclude<Layout, 'any'>, admit?: Admission): Tensor {
  return hasLayout(t.meta, layout) ? t : device.run(copy, [t], { layout }, admit)[0]!;
}

/**
 * Runs an op on tensors of any layout: inputs that lie otherwise than the op asks are copied first, by dispatches of their own.
 * @param admit asked before each dispatch
 * @returns the outputs, one reference each, owned by the caller
 */
export function dispatch<A>(device: Device, op: KernelOp<A>, inputs: readonly Tensor[], attrs: A, admit?: Admission): Tensor[] {
  const layouts = op.layouts?.(inputs.map((t) => t.meta), attrs);
  const ready = inputs.map((t, i) => {
    const want = layouts ? layouts[i] ?? 'contiguous' : 'contiguous';
    return want === 'any' ? t : toLayout(device, t, want, admit);
  });
  try {
    return device.run(op, ready, attrs, admit);
  } finally {
    ready.forEach((t, i) => { if (t !== inputs[i]) t.storage.release(); });
  }
}
