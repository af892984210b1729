import type { Device, DispatchRecord, Plan } from '../../kernels/device/device.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { assertNotCancelled } from '../../kernels/eventLoop.ts';
import { hostToLayout } from './hostEval.ts';
import { describeMeta, type HostTensor } from '../../kernels/tensor.ts';
import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import { printGraph } from '../ir/print.ts';
import { withDefaults } from './attributes.ts';
import { EagerContext } from './eagerContext.ts';
import { enterValue, exitValue, isHostTensor, tensorsOf, type HostValue } from './hostValue.ts';
import { Interpreter } from './interpreter.ts';
import { releaseAll } from './lifetimes.ts';
import type { OpContext } from './operator.ts';
import { RecordContext } from './recordContext.ts';
import type { RuntimeValue } from './value.ts';

/** Plans that are kept, one for each signature of inputs; the least recently used goes first. */
const KEPT_PLANS = 4;

export interface ScriptedOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The graph specialised to one signature of inputs. */
interface Specialised {
  readonly plan: Plan;
  readonly recording: RecordContext;
  readonly rebuild: (hosts: readonly HostTensor[]) => HostValue;
  readonly steps: number;
  readonly unsharedBytes: number;
}

/**
 * TorchScript mode: an optimized graph, specialised to the shapes of its inputs at the first run of a signature, then run as a plan: buffers shared by
 * lifetime, all dispatches in one compute pass. A program whose course depends on tensor data runs node by node instead, and `notes` says so.
 */
export class ScriptedExecutor {
  readonly graph: Graph;
  readonly device: Device;
  /** What a person should know of how this graph runs. */
  readonly notes: string[] = [];
  readonly #module: ModuleObject | undefined;
  readonly #plans = new Map<string, Specialised>();
  #fallback: { context: EagerContext; interpreter: Interpreter } | null = null;

  /**
   * @param graph optimized; its first input may still be `self`
   * @param module what `self` is, where the graph has it
   */
  constructor(graph: Graph, device: Device, module?: ModuleObject) {
    this.graph = graph;
    this.device = device;
    this.#module = module;
  }

  /** Runs on host values; the first run of a signature records and compiles. */
  async run(inputs: readonly HostValue[], options: ScriptedOptions = {}): Promise<HostValue> {
    const ready = await this.#specialise(inputs, options);
    if (!ready) return this.#interpret(inputs, options);
    assertNotCancelled(options.signal);
    return ready.rebuild(await ready.plan.run(planInputs(inputs), options.signal));
  }

  /** Runs until plans are made and the device is warm; two runs, as PyTorch's profiling executor needs. */
  async warmUp(inputs: readonly HostValue[], runs = 2, options: ScriptedOptions = {}): Promise<void> {
    for (let i = 0; i < runs; i++) await this.run(inputs, options);
  }

  /**
   * Runs once with the inputs of the last `run` of this signature still in place, and reads nothing back.
   * @returns milliseconds from submission to completion
   */
  async runResident(inputs: readonly HostValue[], options: ScriptedOptions = {}): Promise<number> {
    const ready = await this.#specialise(inputs, options);
    assertNotCancelled(options.signal);
    if (ready) return ready.plan.runResident(options.signal);
    const start = performance.now();
    await this.#interpret(inputs, options);
    return performance.now() - start;
  }

  /** Runs once with every dispatch timed. */
  async profile(inputs: readonly HostValue[], options: ScriptedOptions = {}): Promise<{ records: DispatchRecord[]; wholeUs: number }> {
    const ready = await this.#specialise(inputs, options);
    if (ready) return ready.plan.profile(planInputs(inputs));
    this.device.startProfile();
    const start = performance.now();
    try {
      await this.#interpret(inputs, options);
      await this.device.sync();
    } catch (e) {
      await this.device.stopProfile();
      throw e;
    }
    const wholeUs = (performance.now() - start) * 1000;
    return { records: await this.device.stopProfile(), wholeUs };
  }

  /** The graph that runs for these inputs, in PyTorch's textual form. */
  async graphFor(inputs: readonly HostValue[], options: ScriptedOptions = {}): Promise<string> {
    await this.#specialise(inputs, options);
    return printGraph(this.graph);
  }

  /** What the plan for these inputs takes; null where the graph runs node by node. */
  async planSummary(inputs: readonly HostValue[]): Promise<{ steps: number; memoryBytes: number; unsharedBytes: number } | null> {
    const ready = await this.#specialise(inputs, {});
    return ready && { steps: ready.steps, memoryBytes: ready.plan.memoryBytes, unsharedBytes: ready.unsharedBytes };
  }

  destroy(): void {
    for (const s of this.#plans.values()) discard(s);
    this.#plans.clear();
    this.#fallback?.interpreter.attributes.clear();
  }

  /** The plan for the inputs' signature, made where it is not there; null where the program needs tensor data to go on. */
  async #specialise(inputs: readonly HostValue[], options: ScriptedOptions): Promise<Specialised | null> {
    if (this.#fallback) return null;
    const signature = signatureOf(inputs);
    let ready = this.#plans.get(signature);
    this.#plans.delete(signature);
    try {
      ready ??= await this.#record(inputs, options);
    } catch (e) {
      if (!(e instanceof QuantbenchError) || e.code !== 'RUNTIME_DATA_DEPENDENT') throw e;
      this.notes.push(`runs node by node: ${e.message}`);
      const context = new EagerContext(this.device);
      this.#fallback = { context, interpreter: new Interpreter(context) };
      return null;
    }
    this.#plans.set(signature, ready);
    for (const [old, plan] of this.#plans) {
      if (this.#plans.size <= KEPT_PLANS) break;
      discard(plan);
      this.#plans.delete(old);
    }
    return ready;
  }

  async #record(inputs: readonly HostValue[], options: ScriptedOptions): Promise<Specialised> {
    const recording = new RecordContext(this.device);
    try {
      const interpreter = new Interpreter(recording);
      const values = inputs.map((v) => enterValue(v, (t) => recording.input(hostToLayout(t, 'contiguous').meta)));
      const results = await interpreter.run(this.graph, this.#arguments(values, recording), { signal: options.signal });
      const { tensors, rebuild } = exitValue(results.length === 1 ? results[0]! : results);
      assertNotCancelled(options.signal);
      const { spec, unsharedBytes } = recording.finish(tensors);
      assertNotCancelled(options.signal);
      return { plan: await this.device.plan(spec), recording, rebuild, steps: spec.steps.length, unsharedBytes };
    } catch (e) {
      recording.destroy();
      throw e;
    }
  }

  async #interpret(inputs: readonly HostValue[], options: ScriptedOptions): Promise<HostValue> {
    const { context, interpreter } = this.#fallback!;
    const values = inputs.map((v) => enterValue(v, (t) => this.device.upload(t)));
    try {
      const results = await interpreter.run(this.graph, this.#arguments(values, context), { signal: options.signal });
      try {
        const { tensors, rebuild } = exitValue(results.length === 1 ? results[0]! : results);
        const hosts: HostTensor[] = [];
        for (const t of tensors) hosts.push(await context.read(t));
        return rebuild(hosts);
      } finally {
        releaseAll(results);
      }
    } finally {
      releaseAll(values);
    }
  }

  /** The graph's arguments: `self` first where the graph still takes it, defaults at the end. */
  #arguments(given: readonly RuntimeValue[], ctx: OpContext): RuntimeValue[] {
    const values = withDefaults(this.#module, 'forward', given, ctx);
    const [first] = this.graph.inputs;
    if (first?.type.kind !== 'Class') return [...values];
    if (!this.#module) throw new QuantbenchError('RUNTIME_NO_SELF', `${this.graph.name} takes self, and no module was given`, 'Pass the module, or fold it first.');
    return [this.#module, ...values];
  }
}

function discard(s: Specialised): void {
  s.plan.destroy();
  s.recording.destroy();
}

/** Plan inputs in the order in which recording met them. */
function planInputs(inputs: readonly HostValue[]): HostTensor[] {
  return inputs.flatMap((v) => tensorsOf(v).map((t) => t.tensor));
}

/** Shapes and dtypes of tensors, and host values as they are: what a plan is specialised to. */
function signatureOf(inputs: readonly HostValue[]): string {
  const part = (v: HostValue): string => {
    if (isHostTensor(v)) return describeMeta(v.meta);
    if (Array.isArray(v)) return `[${(v as readonly HostValue[]).map(part).join(';')}]`;
    if (v instanceof Map) return `{${[...v as ReadonlyMap<HostValue, HostValue>].map(([k, e]) => `${part(k)}:${part(e)}`).join(';')}}`;
    return JSON.stringify(v);
  };
  return inputs.map(part).join('|');
}
