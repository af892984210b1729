import type { Device } from '../../kernels/device/index.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import { printGraph } from '../ir/print.ts';
import { EagerExecutor } from '../runtime/eager.ts';
import type { ModuleHooks } from '../runtime/hooks.ts';
import { tensorsOf } from '../runtime/hostValue.ts';
import { releaseAll } from '../runtime/lifetimes.ts';
import type { ProfiledRun } from '../runtime/profiler.ts';
import { ScriptedExecutor } from '../runtime/scripted.ts';

/** A named output of a model. */
export interface NamedOutput { readonly name: string; readonly tensor: HostTensor }

/** One of the four modes, ready to run: what compare, profile and run have in common. */
export interface Runner {
  run(inputs: readonly HostTensor[], signal?: AbortSignal): Promise<NamedOutput[]>;
  /** Milliseconds of one run on inputs that lie on the device, results left there. */
  time(inputs: readonly HostTensor[], signal?: AbortSignal): Promise<number>;
  /** One run with every dispatch timed. */
  profile(inputs: readonly HostTensor[], signal?: AbortSignal): Promise<ProfiledRun>;
  /** Text of what runs. */
  graph(inputs: readonly HostTensor[]): Promise<string>;
  /** Device memory that activations take, in bytes, where it is known. */
  memoryBytes(inputs: readonly HostTensor[]): Promise<number>;
  readonly notes: readonly string[];
  destroy(): void;
}

/** Imperative mode. Inputs of the last timed run stay on the device until others come. */
export function eagerRunner(module: ModuleObject, device: Device, hooks?: ModuleHooks): Runner {
  const executor = new EagerExecutor(module, device);
  let resident: { readonly key: readonly HostTensor[]; readonly values: ReturnType<EagerExecutor['upload']> } | null = null;
  const upload = (inputs: readonly HostTensor[]): ReturnType<EagerExecutor['upload']> => {
    if (resident?.key === inputs) return resident.values;
    if (resident) releaseAll(resident.values);
    resident = { key: inputs, values: executor.upload(inputs) };
    return resident.values;
  };
  return {
    notes: [],
    run: async (inputs, signal) => tensorsOf(await executor.run(inputs, { hooks, signal })),
    time: (inputs, signal) => executor.time(upload(inputs), { hooks, signal }),
    profile: (inputs, signal) => executor.profile(upload(inputs), { hooks, signal }),
    graph: () => Promise.resolve(moduleGraphs(module)),
    memoryBytes: () => Promise.resolve(device.memory().peak),
    destroy() {
      if (resident) releaseAll(resident.values);
      resident = null;
      executor.destroy();
    },
  };
}

/** TorchScript mode. */
export function scriptedRunner(graph: Graph, device: Device, module?: ModuleObject): Runner {
  const executor = new ScriptedExecutor(graph, device, module);
  return {
    notes: executor.notes,
    run: async (inputs, signal) => tensorsOf(await executor.run(inputs, { signal })),
    time: (inputs, signal) => executor.runResident(inputs, { signal }),
    profile: (inputs, signal) => executor.profile(inputs, { signal }),
    graph: (inputs) => executor.graphFor(inputs),
    memoryBytes: async (inputs) => (await executor.planSummary(inputs))?.memoryBytes ?? device.memory().peak,
    destroy: () => { executor.destroy(); },
  };
}

/** What eager mode runs: the forward of every module, outermost first. */
export function moduleGraphs(root: ModuleObject): string {
  const seen = new Set<Graph>();
  const parts: string[] = [];
  for (const [path, module] of root.namedModules()) {
    if (!module.type.methodNames().includes('forward')) continue;
    const graph = module.type.method('forward');
    if (seen.has(graph)) continue;
    seen.add(graph);
    parts.push(`# ${path || 'forward'} : ${module.type.name}\n${printGraph(graph)}`);
  }
  return parts.join('\n\n');
}

/** The first output, which accuracy and agreement are measured on. Throws MODEL_NO_OUTPUT. */
export function firstOutput(outputs: readonly NamedOutput[], model: string): HostTensor {
  const first = outputs[0];
  if (!first) throw new QuantbenchError('MODEL_NO_OUTPUT', `${model} returns no tensor`, 'Export a model whose forward returns a tensor.');
  return first.tensor;
}
