/** Helpers of the kernel tests: run an op by its reference or on a device, and compare. */
import { listAdapters } from '../device/adapters.ts';
import { checkCall } from '../device/check.ts';
import type { Device } from '../device/device.ts';
import { GpuDevice, openDevice } from '../device/index.ts';
import { emptyHost, forEachIndex, hasLayout, makeMeta, toRowMajor, type Layout } from '../layout.ts';
import type { KernelCaps, KernelOp } from '../op.ts';
import { describeMeta, type HostTensor } from '../tensor.ts';

let opened: Promise<Device | null> | undefined;

/** The GPU that tests run on, software ones too; null (after saying so once) where there is none. One a process. */
export function openTestGpu(): Promise<Device | null> {
  opened ??= (async () => {
    if ((await listAdapters()).length > 0) return openDevice('gpu');
    console.warn('no WebGPU adapter: GPU tests of this file do not run');
    return null;
  })();
  return opened;
}

/** The tensor rewritten in a layout. */
export function inLayout(t: HostTensor, layout: Layout): HostTensor {
  if (layout === 'any' || hasLayout(t.meta, layout)) return t;
  const out = emptyHost(makeMeta(t.meta.dtype, t.meta.shape, layout, t.meta.q));
  const values = toRowMajor(t);
  forEachIndex(out.meta, (index, flat) => { out.data[index] = values[flat]!; });
  return out;
}

function inLayouts<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): HostTensor[] {
  const layouts = op.layouts?.(inputs.map((t) => t.meta), attrs);
  return inputs.map((t, i) => inLayout(t, layouts?.[i] ?? 'contiguous'));
}

/** What the op's reference computes. Outputs start out as garbage, so that an element which is not written shows. */
export function runReference<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): HostTensor[] {
  const [ready, outputs] = prepared(op, inputs, attrs);
  op.reference(ready, outputs, attrs);
  return outputs;
}

/** What the op's own kernel for the host computes; null where it leaves the call to the reference. */
export function runHostKernel<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): HostTensor[] | null {
  const [ready, outputs] = prepared(op, inputs, attrs);
  return op.host?.(ready, outputs, attrs) === true ? outputs : null;
}

function prepared<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): [HostTensor[], HostTensor[]] {
  const ready = inLayouts(op, inputs, attrs);
  const outputs = checkCall(op, ready.map((t) => t.meta), attrs).map(emptyHost);
  for (const o of outputs) o.data.fill(77);
  return [ready, outputs];
}

/** What the op computes on a device. `caps` narrows what the kernel may use, to reach a fallback. */
export async function runOnDevice<A>(
  device: Device, op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A, caps: Partial<KernelCaps> = {},
): Promise<HostTensor[]> {
  const gpu = device instanceof GpuDevice ? device : null;
  const before = gpu?.caps;
  if (gpu) gpu.caps = { ...gpu.caps, ...caps };
  try {
    const tensors = inLayouts(op, inputs, attrs).map((t) => device.upload(t));
    const outputs = device.run(op, tensors, attrs);
    const host = await Promise.all(outputs.map((t) => device.download(t)));
    for (const t of [...tensors, ...outputs]) t.storage.release();
    return host;
  } finally {
    if (gpu && before) gpu.caps = before;
  }
}

function failure(what: string, index: number, got: number | undefined, want: number | undefined, t: HostTensor): Error {
  return new Error(`${what}: element ${index} of ${describeMeta(t.meta)} is ${got}, expected ${want}`);
}

/** Same dtype, shape and logical elements; padding bytes have no say. */
export function expectEqual(actual: HostTensor, expected: HostTensor): void {
  if (describeMeta(actual.meta) !== describeMeta(expected.meta)) throw new Error(`got ${describeMeta(actual.meta)}, expected ${describeMeta(expected.meta)}`);
  const a = toRowMajor(actual);
  const b = toRowMajor(expected);
  for (let i = 0; i < b.length; i++) if (!Object.is(a[i], b[i]) && a[i] !== b[i]) throw failure('not equal', i, a[i], b[i], expected);
}

/** |actual - expected| <= atol + rtol * |expected| for every element; NaN and infinities must agree. */
export function expectClose(actual: HostTensor, expected: HostTensor, { rtol = 1e-4, atol = 1e-5 } = {}): void {
  if (actual.meta.shape.join() !== expected.meta.shape.join()) throw new Error(`got ${describeMeta(actual.meta)}, expected ${describeMeta(expected.meta)}`);
  const a = toRowMajor(actual);
  const b = toRowMajor(expected);
  for (let i = 0; i < b.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (Object.is(x, y) || x === y) continue;
    if (!(Math.abs(x - y) <= atol + rtol * Math.abs(y))) throw failure('not close', i, x, y, expected);
  }
}
