import { QuantbenchError } from '../../../kernels/errors.ts';
import { TensorData } from '../../ir/constant.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { constantPooling } from '../../passes/constantPooling.ts';
import { freeze } from '../../passes/freeze.ts';
import { inline } from '../../passes/inline.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { constantOf, joinPath, moduleOf } from '../../passes/nodes.ts';
import { passContext } from '../../passes/pass.ts';
import { runPasses, runToFixpoint, SIMPLIFY_FOR_QUANTIZATION } from '../../passes/pipeline.ts';
import type { FusionRecord } from '../../workflow/types.ts';
import type { ObservationQueue } from '../observation.ts';
import type { QConfigMap } from '../qconfig.ts';
import { resolveQConfigMap } from '../qconfigMapping.ts';
import type { Observer, ObserverState } from '../observers/observer.ts';
import { foldConvBnModules } from './foldConvBnModules.ts';
import { ObserverInserter } from './insertObservers.ts';
import { cloneModules } from './moduleClone.ts';
import { OBSERVE, ObserverModule } from './observerModule.ts';
import { preprocessModules } from './preprocess.ts';

/** An observer at its place in the model. */
export interface PlacedObserver {
  /**
   * Unique and stable: module path, and the value's name or number in the module's own graph, as PyTorch names qparams: `layers.0.conv1.weight`,
   * `stem.6`.
   */
  readonly name: string;
  readonly observer: Observer;
  readonly kind: 'weight' | 'activation';
  readonly modulePath: string;
  readonly valueName: string;
  /** The observer as a child of the prepared module. */
  readonly module: ObserverModule;
  /** What it watches is known before any run, so it has seen all it will see. */
  readonly isConstant: boolean;
}

/** A model with observers in it: run it on calibration data, then convert it. */
export interface PreparedGraph {
  /** A copy of the module tree, batch norms folded, with observers as children; its forward prints as PyTorch's prepared graph. */
  readonly module: ModuleObject;
  /** What to run: calls inlined, parameters folded in, quantbench::observe at every place that needs data. First input: `module`. */
  readonly graph: Graph;
  /** The same with all observers, those of weights included: what convertJit starts from. */
  readonly fullGraph: Graph;
  /** In the order of the program. */
  readonly observers: ReadonlyMap<string, PlacedObserver>;
  readonly fusions: readonly FusionRecord[];
}

/**
 * `torch.ao.quantization.quantize_jit.prepare_jit`: folds batch norms, and puts observers where PyTorch puts them. Observers of weights look at once.
 * @param qconfigs keys as resolveQConfigMap takes them: '' for the whole model; null leaves a module in float; children inherit
 * @throws QuantbenchError QCONFIG_INVALID, QCONFIG_NO_MODULE for a key that matches nothing, INLINE_RECURSION, INLINE_UNRESOLVED
 */
export function prepareJit(model: ModuleObject, qconfigs: QConfigMap, method = 'forward'): PreparedGraph {
  const { root: module, qconfigOf } = cloneModules(model, resolveQConfigMap(qconfigs, model));
  const fusions = foldConvBnModules(module);
  preprocessModules(module);
  new ObserverInserter(qconfigOf).run(module, method);

  const ctx = passContext(module);
  const fullGraph = cloneGraph(module.type.method(method));
  runPasses(fullGraph, [inline], ctx);
  runToFixpoint(fullGraph, [freeze, ...SIMPLIFY_FOR_QUANTIZATION], ctx);
  constantPooling.run(fullGraph, ctx);
  const observers = nameObservers(fullGraph, module);
  const graph = cloneGraph(fullGraph);
  for (const n of [...graph.walk()]) {
    if (n.kind !== OBSERVE || !constantOf(n.input(0))) continue;
    n.output.replaceAllUsesWith(n.input(0));
    n.destroy();
  }
  runToFixpoint(graph, SIMPLIFY_FOR_QUANTIZATION, ctx);
  return { module, graph, fullGraph, observers, fusions };
}

/** The observer that a quantbench::observe shows its tensor to. */
export function observerModuleOf(n: Node, graph: Graph, root: ModuleObject): { module: ObserverModule; path: string } {
  const found = moduleOf(n.input(1), graph.inputs[0], root);
  if (!(found?.module instanceof ObserverModule)) throw new Error(`%${n.input(1).name} is no observer`);
  return { module: found.module, path: found.path };
}

/** Names the observers, in the order of the program, and shows the constant ones what they watch. */
function nameObservers(graph: Graph, root: ModuleObject): Map<string, PlacedObserver> {
  const placed = new Map<string, PlacedObserver>();
  const known = new Set<ObserverModule>();
  for (const n of graph.walk()) {
    if (n.kind !== OBSERVE) continue;
    const { module, path } = observerModuleOf(n, graph, root);
    const modulePath = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
    // The op is the module's, not the observer's.
    n.scope = modulePath;
    if (known.has(module)) continue;
    known.add(module);
    const watched = n.input(0);
    const valueName = parameterName(watched, modulePath) ?? module.valueName;
    let name = joinPath(modulePath, valueName);
    for (let i = 1; placed.has(name); i++) name = `${joinPath(modulePath, valueName)}#${i}`;
    const constant = constantOf(watched)?.value;
    const { observer } = module;
    observer.name = name;
    placed.set(name, {
      name, observer, module, kind: module.isWeight ? 'weight' : 'activation', modulePath, valueName, isConstant: constant !== undefined,
    });
    if (constant instanceof TensorData) observer.observe(constant.host());
  }
  return placed;
}

/** `weight` of %self.fc.weight; undefined for what is computed. */
function parameterName(v: Value, modulePath: string): string | undefined {
  const prefix = `self.${modulePath === '' ? '' : `${modulePath}.`}`;
  return v.name.startsWith(prefix) ? v.name.slice(prefix.length) : undefined;
}

/** Says where runs of the prepared graph leave what observers see; null for runs that should not be observed. */
export function observeInto(prepared: PreparedGraph, queue: ObservationQueue | null): void {
  for (const { module } of prepared.observers.values()) module.queue = queue;
}

/** What all observers learned, as JSON, by their names. */
export function saveObservers(prepared: PreparedGraph): Record<string, ObserverState> {
  return Object.fromEntries([...prepared.observers].map(([name, p]) => [name, p.observer.saveState()]));
}

/**
 * Puts a saved calibration back. Throws OBSERVER_BAD_STATE where it lacks an observer that the model has.
 */
export function restoreObservers(prepared: PreparedGraph, states: Readonly<Record<string, ObserverState>>): void {
  for (const [name, p] of prepared.observers) {
    const state = states[name];
    if (state === undefined) {
      throw new QuantbenchError('OBSERVER_BAD_STATE', `the saved calibration has no observer ${name}`,
        'The model or the QConfig is another one than when it was saved: calibrate again.');
    }
    p.observer.restoreState(state);
  }
}
