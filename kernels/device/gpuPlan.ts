import { toRowMajor } from '../layout.ts';
import type { Program } from '../op.ts';
import { elementBytes, viewHostArray, type HostTensor } from '../tensor.ts';
import { checkPlanInput } from './cpuPlan.ts';
import type { DispatchRecord, Plan, PlanSpec, PlanStep } from './device.ts';
import { bufferOf, type GpuDevice } from './gpu.ts';
import { uniformBytes, writeUniforms } from './programs.ts';
import { Timestamps } from './timestamps.ts';

/** One dispatch with everything bound. */
interface Recorded {
  readonly step: PlanStep;
  readonly first: boolean;
  readonly program: Program;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}

/** A scripted plan on the GPU: pipelines compiled and buffers bound once; a run only encodes dispatches, in one compute pass. */
export class GpuPlan implements Plan {
  readonly memoryBytes: number;
  readonly #device: GpuDevice;
  readonly #spec: PlanSpec;
  readonly #buffers: GPUBuffer[];
  readonly #owned: GPUBuffer[];
  readonly #dispatches: Recorded[];

  private constructor(device: GpuDevice, spec: PlanSpec, buffers: GPUBuffer[], owned: GPUBuffer[], dispatches: Recorded[]) {
    this.#device = device;
    this.#spec = spec;
    this.#buffers = buffers;
    this.#owned = owned;
    this.#dispatches = dispatches;
    this.memoryBytes = owned.reduce((a, b) => a + b.size, 0);
  }

  /** Compiles every program of the spec side by side and binds its buffers. Throws GPU_VALIDATION, GPU_OUT_OF_MEMORY, DEVICE_LOST. */
  static async create(device: GpuDevice, spec: PlanSpec): Promise<GpuPlan> {
    const gpu = device.gpu;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const owned = spec.buffers.map((bytes, i) => gpu.createBuffer({ label: `plan ${i}`, size: Math.max(4, Math.ceil(bytes / 4) * 4), usage }));
    const buffers = spec.slots.map((slot) => (slot.kind === 'constant' ? bufferOf(slot.tensor) : owned[slot.buffer]!));
    const calls = spec.steps.map((step) => {
      const metas = (slots: readonly number[]) => slots.map((s) => spec.slots[s]!.meta);
      return { step, programs: step.op.programs(metas(step.inputs), metas(step.outputs), step.attrs, device.caps) };
    });
    const programs = calls.flatMap((c) => c.programs);
    await device.programs.prepare(programs);

    const uniformOffsets: number[] = [];
    let uniformTotal = 0;
    for (const p of programs) {
      uniformOffsets.push(uniformTotal);
      uniformTotal += Math.ceil(uniformBytes(p.uniforms) / 256) * 256;
    }
    const uniforms = gpu.createBuffer({ label: 'plan uniforms', size: Math.max(256, uniformTotal), usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    owned.push(uniforms);
    const data = new DataView(new ArrayBuffer(Math.max(256, uniformTotal)));
    programs.forEach((p, i) => { writeUniforms(data, uniformOffsets[i]!, p.uniforms); });
    gpu.queue.writeBuffer(uniforms, 0, data.buffer as ArrayBuffer);

    let at = 0;
    const dispatches: Recorded[] = [];
    for (const { step, programs: own } of calls) {
      const scratch = new Map<number, GPUBuffer>();
      own.forEach((program, k) => {
        const entries: GPUBindGroupEntry[] = program.buffers.map((b, binding) => {
          if (b.kind !== 'scratch') return { binding, resource: device.binding(buffers[(b.kind === 'input' ? step.inputs : step.outputs)[b.index]!]!, b) };
          let buffer = scratch.get(b.index);
          if (!buffer) {
            buffer = gpu.createBuffer({ label: `${program.label} scratch`, size: Math.ceil(b.bytes / 4) * 4, usage });
            scratch.set(b.index, buffer);
            owned.push(buffer);
          }
          return { binding, resource: { buffer } };
        });
        if (program.uniforms.length > 0) {
          entries.push({ binding: program.buffers.length, resource: { buffer: uniforms, offset: uniformOffsets[at]!, size: uniformBytes(program.uniforms) } });
        }
        const compiled = device.programs.get(program);
        const bindGroup = gpu.createBindGroup({ label: program.label, layout: compiled.layout, entries });
        dispatches.push({ step, first: k === 0, program, pipeline: compiled.pipeline, bindGroup });
        at++;
      });
    }
    device.assertHealthy();
    return new GpuPlan(device, spec, buffers, owned, dispatches);
  }

  async run(inputs: readonly HostTensor[]): Promise<HostTensor[]> {
    this.#copyIn(inputs);
    const gpu = this.#device.gpu;
    const encoder = gpu.createCommandEncoder();
    this.#encode(encoder);
    // All outputs come back through one staging buffer: one map, one wait.
    const slots = this.#spec.outputs.map((s) => ({ meta: this.#spec.slots[s]!.meta, buffer: this.#buffers[s]! }));
    const sizes = slots.map((s) => s.buffer.size);
    const offsets = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const total = sizes.reduce((a, b) => a + b, 0);
    const staging = gpu.createBuffer({ label: 'outputs', size: Math.max(4, total), usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      slots.forEach((s, i) => { encoder.copyBufferToBuffer(s.buffer, 0, staging, offsets[i]!, sizes[i]!); });
      gpu.queue.submit([encoder.finish()]);
      const data = await this.#device.readStaging(staging, Math.max(4, total));
      return slots.map((s, i) => ({ meta: s.meta, data: viewHostArray(s.meta.dtype, data, offsets[i]!, Math.floor(sizes[i]! / elementBytes(s.meta.dtype))) }));
    } finally {
      staging.destroy();
    }
  }

  async runResident(): Promise<number> {
    this.#device.flush();
    const gpu = this.#device.gpu;
    const start = performance.now();
    const encoder = gpu.createCommandEncoder();
    this.#encode(encoder);
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    const ms = performance.now() - start;
    this.#device.assertHealthy();
    return ms;
  }

  async profile(inputs: readonly HostTensor[]): Promise<{ records: DispatchRecord[]; wholeUs: number }> {
    this.#copyIn(inputs);
    const records = this.#dispatches.map((d) => this.#record(d));
    const gpu = this.#device.gpu;
    if (!gpu.features.has('timestamp-query')) return { records, wholeUs: (await this.runResident()) * 1000 };
    const timestamps = new Timestamps(gpu);
    try {
      const whole = gpu.createCommandEncoder();
      this.#encode(whole, timestamps.pass());
      gpu.queue.submit([whole.finish()]);
      const [wholeTimes] = await timestamps.collect();
      for (let from = 0; from < this.#dispatches.length;) {
        const encoder = gpu.createCommandEncoder();
        const count = Math.min(timestamps.room, this.#dispatches.length - from);
        for (const d of this.#dispatches.slice(from, from + count)) {
          const pass = encoder.beginComputePass({ timestampWrites: timestamps.pass() });
          encodeDispatch(pass, d);
          pass.end();
        }
        gpu.queue.submit([encoder.finish()]);
        (await timestamps.collect()).forEach(([begin, end], i) => { records[from + i]!.us = (end - begin) / 1000; });
        from += count;
      }
      this.#device.assertHealthy();
      return { records, wholeUs: wholeTimes ? (wholeTimes[1] - wholeTimes[0]) / 1000 : NaN };
    } finally {
      timestamps.destroy();
    }
  }

  destroy(): void {
    for (const b of this.#owned) b.destroy();
  }

  #copyIn(inputs: readonly HostTensor[]): void {
    this.#spec.inputs.forEach((slot, i) => {
      const { meta } = this.#spec.slots[slot]!;
      const data = toRowMajor(checkPlanInput(i, meta, inputs[i]));
      this.#device.write(this.#buffers[slot]!, { meta, data }, this.#buffers[slot]!.size);
    });
  }

  #encode(encoder: GPUCommandEncoder, timestampWrites?: GPUComputePassTimestampWrites): void {
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    for (const d of this.#dispatches) encodeDispatch(pass, d);
    pass.end();
  }

  #record({ step, first, program }: Recorded): DispatchRecord {
    const inputs = step.inputs.map((s) => this.#spec.slots[s]!.meta);
    const outputs = step.outputs.map((s) => this.#spec.slots[s]!.meta);
    const bytes = [...step.inputs, ...step.outputs].reduce((sum, s) => sum + this.#buffers[s]!.size, 0);
    return {
      op: step.op.name, program: program.label, scope: step.scope, inputs, outputs, us: NaN,
      ops: first ? step.op.ops?.(inputs, outputs, step.attrs) ?? 0 : 0, bytes: first ? bytes : 0,
    };
  }
}

function encodeDispatch(pass: GPUComputePassEncoder, d: Recorded): void {
  pass.setPipeline(d.pipeline);
  pass.setBindGroup(0, d.bindGroup);
  pass.dispatchWorkgroups(...d.program.workgroups);
}
