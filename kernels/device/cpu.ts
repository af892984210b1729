import { availableParallelism, cpus } from 'node:os';
import { storageBytes } from '../layout.ts';
import { runOnHost, type Admission, type KernelOp } from '../op.ts';
import { elementBytes, viewHostArray, type HostArray, type HostTensor, type TensorMeta } from '../tensor.ts';
import { callBytes, checkCall } from './check.ts';
import { CpuPlan } from './cpuPlan.ts';
import type { Device, DeviceInfo, DispatchRecord, Plan, PlanSpec, Tensor, UploadOptions } from './device.ts';
import { checkHostMemory } from './hostMemory.ts';
import { HostPool } from './hostPool.ts';
import { CountedStorage } from './storage.ts';

/** Host memory in a box; `replace` swaps what two boxes hold. */
class CpuStorage extends CountedStorage {
  buffer: ArrayBuffer;
  readonly #owner: CpuDevice;

  constructor(buffer: ArrayBuffer, owner: CpuDevice) {
    super(buffer.byteLength);
    this.buffer = buffer;
    this.#owner = owner;
  }

  protected free(): void {
    this.#owner.freed(this.buffer);
    this.buffer = new ArrayBuffer(0);
  }
}

/** The whole storage as the host array of a tensor's type. */
function arrayOf(t: Tensor): HostArray {
  const storage = t.storage as CpuStorage;
  storage.assertAlive();
  return viewHostArray(t.meta.dtype, storage.buffer, 0, Math.floor(storage.buffer.byteLength / elementBytes(t.meta.dtype)));
}

const asHost = (t: Tensor): HostTensor => ({ meta: t.meta, data: arrayOf(t) });

/** The device that is always there: runs each op's host kernel or reference. The oracle of every test, and the product where no adapter is. */
export class CpuDevice implements Device {
  readonly info: DeviceInfo = {
    kind: 'cpu',
    name: 'cpu',
    backend: 'reference',
    software: false,
    vendor: cpus()[0]?.model.trim() ?? 'unknown',
    driver: `Node ${process.versions.node}`,
    features: [],
    limits: { threads: availableParallelism() },
    int8Paths: ['reference'],
    caps: { dot4: false, f16: false, subgroups: false, subgroupMatrixI8: false, maxWorkgroupSize: 1, maxWorkgroupStorage: 0, maxBindingBytes: Infinity },
  };
  readonly lost = new Promise<string>(() => { /* a cpu is never lost */ });
  #scope: unknown = undefined;
  #profile: DispatchRecord[] | null = null;
  #used = 0;
  readonly #pool = new HostPool();
  /** Buffers that results of ops lie in: nobody else ever saw them, so they may be used again. Uploads may be the caller's. */
  readonly #results = new WeakSet<ArrayBuffer>();
  #peak = 0;

  upload(t: HostTensor, options: UploadOptions = {}): Tensor {
    const { data } = t;
    if (options.take && data.byteOffset === 0 && data.buffer instanceof ArrayBuffer && data.buffer.byteLength === storageBytes(t.meta)) {
      return this.#tensor(t.meta, data.buffer);
    }
    const tensor = this.empty(t.meta);
    const target = arrayOf(tensor);
    target.set(t.data.length > target.length ? t.data.subarray(0, target.length) : t.data);
    return tensor;
  }

  download(t: Tensor): Promise<HostTensor> {
    return Promise.resolve({ meta: t.meta, data: arrayOf(t).slice() });
  }

  empty(meta: TensorMeta): Tensor {
    const bytes = storageBytes(meta);
    checkHostMemory(this.#used + bytes, `a tensor of ${bytes} bytes beside ${this.#used} that are in use`);
    return this.#tensor(meta, this.#pool.take(bytes) ?? new ArrayBuffer(bytes));
  }

  #tensor(meta: TensorMeta, buffer: ArrayBuffer): Tensor {
    this.#used += buffer.byteLength;
    this.#peak = Math.max(this.#peak, this.#used);
    return { meta, storage: new CpuStorage(buffer, this) };
  }

  /** Called by storages when their last reference goes. */
  freed(buffer: ArrayBuffer): void {
    this.#used -= buffer.byteLength;
    if (this.#results.has(buffer)) this.#pool.give(buffer);
  }

  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A, admit?: Admission): Tensor[] {
    const metas = inputs.map((t) => t.meta);
    const outputs = checkCall(op, metas, attrs, admit).map((meta) => this.empty(meta));
    for (const t of outputs) this.#results.add((t.storage as CpuStorage).buffer);
    const start = performance.now();
    const way = runOnHost(op, inputs.map(asHost), outputs.map(asHost), attrs);
    if (this.#profile) {
      const outputMetas = outputs.map((t) => t.meta);
      this.#profile.push({
        op: op.name, program: `${op.name}.${way}`, scope: this.#scope, inputs: metas, outputs: outputMetas,
        us: (performance.now() - start) * 1000, ops: op.ops?.(metas, outputMetas, attrs) ?? 0, bytes: callBytes(inputs, outputs),
      });
    }
    return outputs;
  }

  replace(dst: Tensor, src: Tensor): void {
    const a = dst.storage as CpuStorage;
    const b = src.storage as CpuStorage;
    [a.buffer, b.buffer] = [b.buffer, a.buffer];
  }

  plan(spec: PlanSpec): Promise<Plan> {
    return Promise.resolve(new CpuPlan(spec, asHost));
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  setScope(scope: unknown): void {
    this.#scope = scope;
  }

  startProfile(): void {
    this.#profile = [];
  }

  stopProfile(): Promise<DispatchRecord[]> {
    const records = this.#profile ?? [];
    this.#profile = null;
    return Promise.resolve(records);
  }

  memory(): { used: number; pooled: number; peak: number } {
    return { used: this.#used, pooled: this.#pool.bytes, peak: this.#peak };
  }

  destroy(): void { this.#pool.clear(); }
}

