import { QuantbenchError } from '../errors.ts';
import { eventLoopIsDue, yieldToEventLoop } from '../eventLoop.ts';
import { runOnHost } from '../op.ts';
import { toRowMajor } from '../layout.ts';
import { describeMeta, elementBytes, viewHostArray, type HostTensor } from '../tensor.ts';
import type { DispatchRecord, Plan, PlanSpec, Tensor } from './device.ts';

/** Steps over host arrays that are laid out once: shared buffers as the memory plan says, no allocation while running. */
export class CpuPlan implements Plan {
  readonly memoryBytes: number;
  readonly #spec: PlanSpec;
  #slots: HostTensor[];

  constructor(spec: PlanSpec, hostOf: (t: Tensor) => HostTensor) {
    this.#spec = spec;
    const buffers = spec.buffers.map((bytes) => new ArrayBuffer(bytes));
    this.#slots = spec.slots.map((slot) => {
      if (slot.kind === 'constant') return { meta: slot.meta, data: hostOf(slot.tensor).data };
      const buffer = buffers[slot.buffer]!;
      return { meta: slot.meta, data: viewHostArray(slot.meta.dtype, buffer, 0, Math.floor(buffer.byteLength / elementBytes(slot.meta.dtype))) };
    });
    this.memoryBytes = spec.buffers.reduce((a, b) => a + b, 0);
  }

  async run(inputs: readonly HostTensor[], signal?: AbortSignal): Promise<HostTensor[]> {
    this.#copyIn(inputs);
    await this.#steps(null, signal);
    return this.#spec.outputs.map((slot) => ({ meta: this.#slots[slot]!.meta, data: this.#slots[slot]!.data.slice() }));
  }

  async runResident(signal?: AbortSignal): Promise<number> {
    // What waits for the event loop is no part of what is timed.
    if (eventLoopIsDue()) await yieldToEventLoop(signal);
    const start = performance.now();
    await this.#steps(null, signal);
    return performance.now() - start;
  }

  async profile(inputs: readonly HostTensor[]): Promise<{ records: DispatchRecord[]; wholeUs: number }> {
    this.#copyIn(inputs);
    const records: DispatchRecord[] = [];
    const start = performance.now();
    await this.#steps(records);
    return { records, wholeUs: (performance.now() - start) * 1000 };
  }

  destroy(): void {
    this.#slots = [];
  }

  #copyIn(inputs: readonly HostTensor[]): void {
    this.#spec.inputs.forEach((slot, i) => {
      const target = this.#slots[slot]!;
      const source = checkPlanInput(i, target.meta, inputs[i]);
      target.data.set(toRowMajor(source));
    });
  }

  async #steps(records: DispatchRecord[] | null, signal?: AbortSignal): Promise<void> {
    for (const step of this.#spec.steps) {
      const inputs = step.inputs.map((s) => this.#slots[s]!);
      const outputs = step.outputs.map((s) => this.#slots[s]!);
      const start = performance.now();
      const way = runOnHost(step.op, inputs, outputs, step.attrs);
      const end = performance.now();
      if (records) {
        const inputMetas = inputs.map((t) => t.meta);
        const outputMetas = outputs.map((t) => t.meta);
        records.push({
          op: step.op.name, program: `${step.op.name}.${way}`, scope: step.scope, inputs: inputMetas, outputs: outputMetas,
          us: (end - start) * 1000, ops: step.op.ops?.(inputMetas, outputMetas, step.attrs) ?? 0,
          bytes: [...inputs, ...outputs].reduce((sum, t) => sum + t.data.byteLength, 0),
        });
      }
      if (eventLoopIsDue()) await yieldToEventLoop(signal);
    }
  }
}

/** The input that a plan was made for. Throws PLAN_INPUT_MISMATCH naming both. */
export function checkPlanInput(index: number, want: HostTensor['meta'], got: HostTensor | undefined): HostTensor {
  if (!got || got.meta.dtype !== want.dtype || got.meta.shape.length !== want.shape.length || got.meta.shape.some((d, i) => d !== want.shape[i])) {
    throw new QuantbenchError('PLAN_INPUT_MISMATCH', `input ${index} of the plan is ${describeMeta(want)}, got ${got ? describeMeta(got.meta) : 'nothing'}`,
      'Warm the scripted executor up for this shape first.');
  }
  return got;
}
