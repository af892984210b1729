import type { Program, UniformWord } from '../op.ts';

/** A compiled program: pipeline and the layout that its bind groups take. */
export interface CompiledProgram { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }

/** Pipelines by program key, compiled once a device. */
export class ProgramCache {
  readonly #device: GPUDevice;
  readonly #ready = new Map<string, CompiledProgram>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Compiles at once; what is wrong with the WGSL surfaces as the device's next uncaptured error. */
  get(program: Program): CompiledProgram {
    let compiled = this.#ready.get(program.key);
    if (!compiled) {
      const { descriptor, layout } = this.#describe(program);
      compiled = { pipeline: this.#device.createComputePipeline(descriptor), layout };
      this.#ready.set(program.key, compiled);
    }
    return compiled;
  }

  /** Compiles without holding the thread: plans compile all of their programs side by side. */
  async prepare(programs: readonly Program[]): Promise<void> {
    const todo = new Map(programs.filter((p) => !this.#ready.has(p.key)).map((p) => [p.key, p]));
    await Promise.all([...todo.values()].map(async (program) => {
      const { descriptor, layout } = this.#describe(program);
      const pipeline = await this.#device.createComputePipelineAsync(descriptor);
      this.#ready.set(program.key, { pipeline, layout });
    }));
  }

  get size(): number { return this.#ready.size; }

  /** Layouts are explicit, since an automatic one leaves out bindings that a shader does not use. */
  #describe(program: Program): { descriptor: GPUComputePipelineDescriptor; layout: GPUBindGroupLayout } {
    const entries: GPUBindGroupLayoutEntry[] = program.buffers.map((b, binding) => ({
      binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: b.kind === 'input' ? 'read-only-storage' : 'storage' },
    }));
    if (program.uniforms.length > 0) {
      entries.push({ binding: program.buffers.length, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } });
    }
    const layout = this.#device.createBindGroupLayout({ label: program.label, entries });
    return {
      layout,
      descriptor: {
        label: program.label,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.#device.createShaderModule({ label: program.label, code: program.wgsl() }), entryPoint: 'main' },
      },
    };
  }
}

/** Bytes of a program's uniform block: its words, rounded up to the 16 that WGSL's uniform layout may ask for. */
export function uniformBytes(words: readonly UniformWord[]): number {
  return Math.ceil(words.length / 4) * 16;
}

/** Writes uniform words at a byte offset. */
export function writeUniforms(view: DataView, offset: number, words: readonly UniformWord[]): void {
  words.forEach((w, i) => {
    const at = offset + i * 4;
    if ('u32' in w) view.setUint32(at, w.u32, true);
    else if ('i32' in w) view.setInt32(at, w.i32, true);
    else view.setFloat32(at, w.f32, true);
  });
}
