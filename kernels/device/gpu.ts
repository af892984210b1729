import { QuantbenchError } from '../errors.ts';
import { storageBytes } from '../layout.ts';
import type { Admission, KernelCaps, KernelOp, Program, ProgramBuffer } from '../op.ts';
import { elementBytes, viewHostArray, type HostTensor, type TensorMeta } from '../tensor.ts';
import type { AdapterHandle } from './adapters.ts';
import { BufferPool } from './bufferPool.ts';
import { callBytes, checkCall } from './check.ts';
import type { Device, DeviceInfo, DispatchRecord, Plan, PlanSpec, Tensor } from './device.ts';
import { GpuPlan } from './gpuPlan.ts';
import { ProgramCache, uniformBytes, writeUniforms } from './programs.ts';
import { CountedStorage } from './storage.ts';
import { Timestamps } from './timestamps.ts';

/** Uniform blocks of one submission; each starts at a multiple of WebGPU's 256. */
const UNIFORM_RING_BYTES = 256 * 256;
const UNIFORM_ALIGN = 256;

/** A pooled buffer in a box. */
export class GpuStorage extends CountedStorage {
  buffer: GPUBuffer;
  readonly #pool: BufferPool;

  constructor(buffer: GPUBuffer, bytes: number, pool: BufferPool) {
    super(bytes);
    this.buffer = buffer;
    this.#pool = pool;
  }

  protected free(): void {
    this.#pool.give(this.buffer);
  }
}

function tooLarge(bytes: number, limit: number, device: string): QuantbenchError {
  return new QuantbenchError('GPU_TENSOR_TOO_LARGE', `a tensor of ${bytes} bytes does not fit the ${limit} bytes that ${device} can bind`,
    'Use a smaller batch, or --device cpu.');
}

/** The device's buffer behind a tensor. */
export function bufferOf(t: Tensor): GPUBuffer {
  const storage = t.storage as GpuStorage;
  storage.assertAlive();
  return storage.buffer;
}

/**
 * A WebGPU device. Eager dispatches gather in one command encoder and go to the queue when enough are there or somebody waits; with the
 * profiler on, each dispatch is a pass of its own between two timestamps.
 */
export class GpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly gpu: GPUDevice;
  readonly programs: ProgramCache;
  readonly pool: BufferPool;
  /** What kernels may use; a test narrows it to reach a fallback. */
  caps: KernelCaps;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  readonly #ring: GPUBuffer;
  readonly #ringData = new DataView(new ArrayBuffer(UNIFORM_RING_BYTES));
  #ringUsed = 0;
  #scope: unknown = undefined;
  #timestamps: Timestamps | null = null;
  #profile: DispatchRecord[] | null = null;
  /** Records whose times have not been read yet, one a pass. */
  #pending: DispatchRecord[] = [];
  #settled: Promise<void> = Promise.resolve();
  #lostReason: string | null = null;
  #error: string | null = null;

  constructor(handle: AdapterHandle, gpu: GPUDevice) {
    this.info = handle.info;
    this.caps = handle.info.caps;
    this.gpu = gpu;
    this.programs = new ProgramCache(gpu);
    this.pool = new BufferPool(gpu);
    this.#ring = gpu.createBuffer({ label: 'uniforms', size: UNIFORM_RING_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.lost = gpu.lost.then((reason) => {
      this.#lostReason = `${reason.reason}: ${reason.message}`;
      return this.#lostReason;
    });
    gpu.addEventListener('uncapturederror', (event) => { this.#error ??= event.error.message; });
  }

  upload(t: HostTensor): Tensor {
    const tensor = this.empty(t.meta);
    this.write(bufferOf(tensor), t, tensor.storage.bytes);
    return tensor;
  }

  /** Copies a host tensor's whole storage into a buffer, after everything that is queued. */
  write(buffer: GPUBuffer, t: HostTensor, bytes: number): void {
    // writeBuffer goes ahead of what is still in the encoder, and the pool may have handed out a buffer that it reads.
    this.flush();
    const source = new Uint8Array(t.data.buffer, t.data.byteOffset, Math.min(t.data.byteLength, bytes));
    if (source.byteLength % 4 === 0) {
      this.gpu.queue.writeBuffer(buffer, 0, source as Uint8Array<ArrayBuffer>);
    } else {
      const padded = new Uint8Array(Math.ceil(source.byteLength / 4) * 4);
      padded.set(source);
      this.gpu.queue.writeBuffer(buffer, 0, padded);
    }
  }

  async download(t: Tensor): Promise<HostTensor> {
    const bytes = t.storage.bytes;
    const staging = this.gpu.createBuffer({ label: 'readback', size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      this.#endPass();
      const encoder = this.#encoder ??= this.gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(bufferOf(t), 0, staging, 0, bytes);
      this.flush();
      const data = await this.readStaging(staging, bytes);
      return { meta: t.meta, data: viewHostArray(t.meta.dtype, data, 0, Math.floor(bytes / elementBytes(t.meta.dtype))) };
    } finally {
      staging.destroy();
    }
  }

  /** Maps a staging buffer and copies it out. Throws what the device has complained of since the last wait. */
  async readStaging(staging: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    } catch (e) {
      this.assertHealthy();
      throw new QuantbenchError('GPU_READBACK', `reading ${bytes} bytes back failed: ${e instanceof Error ? e.message : String(e)}`, 'Try again, or use --device cpu.');
    }
    const data = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    this.assertHealthy();
    return data;
  }

  empty(meta: TensorMeta): Tensor {
    this.assertHealthy();
    const bytes = storageBytes(meta);
    if (this.pool.crowded) this.flush();
    if (bytes > this.gpu.limits.maxBufferSize) throw tooLarge(bytes, this.gpu.limits.maxBufferSize, this.info.name);
    return { meta, storage: new GpuStorage(this.pool.take(bytes), bytes, this.pool) };
  }

  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A, admit?: Admission): Tensor[] {
    const metas = inputs.map((t) => t.meta);
    const outputMetas = checkCall(op, metas, attrs, admit);
    const outputs = outputMetas.map((meta) => this.empty(meta));
    const programs = op.programs(metas, outputMetas, attrs, this.caps);
    const scratch = new Map<number, GPUBuffer>();
    programs.forEach((program, i) => {
      const buffers = program.buffers.map((b) => {
        if (b.kind === 'input') return bufferOf(inputs[b.index]!);
        if (b.kind === 'output') return bufferOf(outputs[b.index]!);
        let buffer = scratch.get(b.index);
        if (!buffer) scratch.set(b.index, buffer = this.pool.take(b.bytes));
        return buffer;
      });
      const record: DispatchRecord | null = this.#profile && {
        op: op.name, program: program.label, scope: this.#scope, inputs: metas, outputs: outputMetas, us: NaN,
        ops: i === 0 ? op.ops?.(metas, outputMetas, attrs) ?? 0 : 0, bytes: i === 0 ? callBytes(inputs, outputs) : 0,
      };
      this.#dispatch(program, buffers, record);
    });
    for (const buffer of scratch.values()) this.pool.give(buffer);
    return outputs;
  }

  /**
   * What a program sees at a binding: the whole buffer, or the part that it asks for. Throws GPU_TENSOR_TOO_LARGE where that is more than the adapter
   * can bind: only some kernels read large tensors in parts.
   */
  binding(buffer: GPUBuffer, wanted: ProgramBuffer): GPUBufferBinding {
    const range = wanted.kind === 'input' ? wanted.range : undefined;
    const bytes = range?.bytes ?? buffer.size;
    if (bytes > this.caps.maxBindingBytes) throw tooLarge(bytes, this.caps.maxBindingBytes, this.info.name);
    return range ? { buffer, offset: range.offset, size: range.bytes } : { buffer };
  }

  replace(dst: Tensor, src: Tensor): void {
    const a = dst.storage as GpuStorage;
    const b = src.storage as GpuStorage;
    [a.buffer, b.buffer] = [b.buffer, a.buffer];
  }

  plan(spec: PlanSpec): Promise<Plan> {
    return GpuPlan.create(this, spec);
  }

  async sync(): Promise<void> {
    this.flush();
    await this.gpu.queue.onSubmittedWorkDone();
    this.assertHealthy();
  }

  setScope(scope: unknown): void {
    this.#scope = scope;
  }

  startProfile(): void {
    this.flush();
    this.#profile = [];
    if (this.gpu.features.has('timestamp-query')) this.#timestamps ??= new Timestamps(this.gpu);
  }

  async stopProfile(): Promise<DispatchRecord[]> {
    this.flush();
    this.#settle();
    await this.#settled;
    const records = this.#profile ?? [];
    this.#profile = null;
    this.assertHealthy();
    return records;
  }

  memory(): { used: number; pooled: number; peak: number } {
    return { used: this.pool.used, pooled: this.pool.pooled, peak: this.pool.peak };
  }

  destroy(): void {
    this.#encoder = null;
    this.#pass = null;
    this.#timestamps?.destroy();
    this.pool.destroy();
    this.gpu.destroy();
  }

  /** Throws DEVICE_LOST, GPU_OUT_OF_MEMORY or GPU_VALIDATION where the device has reported such. */
  assertHealthy(): void {
    if (this.#lostReason) {
      throw new QuantbenchError('DEVICE_LOST', `${this.info.name} was lost (${this.#lostReason})`, 'Run the step again; the device is opened anew.');
    }
    if (this.#error) {
      const message = this.#error;
      this.#error = null;
      if (/memory/i.test(message)) {
        throw new QuantbenchError('GPU_OUT_OF_MEMORY', `${this.info.name} is out of memory: ${message}`, 'Use a smaller batch, or --device cpu.');
      }
      throw new QuantbenchError('GPU_VALIDATION', `${this.info.name} refused a command: ${message}`,
        'This is a defect of Quantbench or of the driver. Use --device cpu, and report it with the details.', { message });
    }
  }

  /** Sends what is encoded to the queue. */
  flush(): void {
    this.#endPass();
    if (!this.#encoder) {
      this.pool.settle();
      return;
    }
    if (this.#ringUsed > 0) this.gpu.queue.writeBuffer(this.#ring, 0, this.#ringData.buffer as ArrayBuffer, 0, this.#ringUsed);
    this.#ringUsed = 0;
    this.gpu.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.pool.settle();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #dispatch(program: Program, buffers: readonly GPUBuffer[], record: DispatchRecord | null): void {
    const compiled = this.programs.get(program);
    if (this.#ringUsed + UNIFORM_ALIGN > UNIFORM_RING_BYTES) this.flush();
    const entries: GPUBindGroupEntry[] = buffers.map((buffer, binding) => ({ binding, resource: this.binding(buffer, program.buffers[binding]!) }));
    if (program.uniforms.length > 0) {
      const size = uniformBytes(program.uniforms);
      writeUniforms(this.#ringData, this.#ringUsed, program.uniforms);
      entries.push({ binding: buffers.length, resource: { buffer: this.#ring, offset: this.#ringUsed, size } });
      this.#ringUsed += Math.ceil(size / UNIFORM_ALIGN) * UNIFORM_ALIGN;
    }
    if (record) this.#beginTimedPass(record);
    this.#encoder ??= this.gpu.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(compiled.pipeline);
    this.#pass.setBindGroup(0, this.gpu.createBindGroup({ layout: compiled.layout, entries }));
    this.#pass.dispatchWorkgroups(...program.workgroups);
    if (record) this.#endPass();
  }

  #beginTimedPass(record: DispatchRecord): void {
    this.#endPass();
    this.#profile!.push(record);
    if (!this.#timestamps) return;
    if (this.#timestamps.room < 1) {
      this.flush();
      this.#settle();
      // The queries being read are taken again only once they are; a longer profile than one set goes on without times until then.
      return;
    }
    this.#encoder ??= this.gpu.createCommandEncoder();
    this.#pass = this.#encoder.beginComputePass({ timestampWrites: this.#timestamps.pass() });
    this.#pending.push(record);
  }

  /** Reads the times of all pending records into them. */
  #settle(): void {
    const timestamps = this.#timestamps;
    const pending = this.#pending;
    if (!timestamps || pending.length === 0) return;
    this.#pending = [];
    this.#settled = this.#settled.then(async () => {
      const times = await timestamps.collect();
      pending.forEach((record, i) => { const t = times[i]; if (t) record.us = (t[1] - t[0]) / 1000; });
    });
  }
}
