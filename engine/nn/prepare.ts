import { isFloat } from '../../kernels/tensor.ts';
import type { OpContext } from '../runtime/operator.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';
import type { ModuleHooks } from '../runtime/hooks.ts';
import { isTensor, type RuntimeValue } from '../runtime/value.ts';
import type { ObservationQueue } from '../quantization/observation.ts';
import { makeObserver, type QConfig, type QConfigMap } from '../quantization/qconfig.ts';
import { resolveQConfigMap } from '../quantization/qconfigMapping.ts';
import type { Observer, ObserverState } from '../quantization/observers/index.ts';
import { STATIC_QUANT_MODULES } from './mappings.ts';
import { identityModule, wrapModule } from './moduleTree.ts';

/** Where the model sits in its wrapper; observers are named by paths from the wrapper, as PyTorch's are. */
export const INNER = 'module';
/** Path within the model of a path within its wrapper; the stubs belong to the model's top. */
export function innerPath(path: string): string {
  if (path === INNER || path === 'quant' || path === 'dequant') return '';
  return path.startsWith(`${INNER}.`) ? path.slice(INNER.length + 1) : path;
}

const QUANT_STUB = 'torch.ao.quantization.stubs.QuantStub';
const DEQUANT_STUB = 'torch.ao.quantization.stubs.DeQuantStub';

/** A model wrapped and prepared: `QuantWrapper(model)` after `model.qconfig = ...; prepare(model)`. */
export interface PreparedModule {
  readonly wrapper: ModuleObject;
  /** By PyTorch's names, `module.conv1.activation_post_process`, in the order of the tree. */
  readonly observers: ReadonlyMap<string, Observer>;
  /**
   * Observers of the inputs of modules that convert will swap. PyTorch has none; they say how to quantize a float that reaches such a module from an
   * op that PyTorch refuses on quantized tensors.
   */
  readonly inputObservers: ReadonlyMap<string, Observer>;
  /** Path in the wrapper to the QConfig that holds there, for modules that convert will swap. */
  readonly qconfigs: ReadonlyMap<string, QConfig>;
}

/**
 * torch.ao.quantization.prepare on a QuantWrapper: an observer on the output of every leaf module that has a quantized form, and on the quant stub.
 * @param mapping keys as resolveQConfigMap takes them, paths within the model: '' for all of it; null leaves a module in float. Children inherit
 * @throws QuantbenchError QCONFIG_NO_MODULE for a key that matches nothing
 */
export function prepare(model: ModuleObject, mapping: QConfigMap): PreparedModule {
  const qconfigs = resolveQConfigMap(mapping, model);
  const wrapper = wrapModule(model, { quant: identityModule(QUANT_STUB), dequant: identityModule(DEQUANT_STUB) });
  const observers = new Map<string, Observer>();
  const inputObservers = new Map<string, Observer>();
  const places = new Map<string, QConfig>();
  const outer = qconfigs[''] ?? null;
  if (outer) observers.set('quant.activation_post_process', makeObserver(outer.activation, 'quant.activation_post_process'));
  for (const [path, module] of model.namedModules()) {
    const qconfig = qconfigAt(qconfigs, path);
    if (!qconfig || module.children().length > 0 || !STATIC_QUANT_MODULES[demangle(module.type.name)]) continue;
    // An exported program may hold a module's work inline: there is no call to observe, and nothing to swap.
    if (!module.type.methodNames().includes('forward')) continue;
    const place = path ? `${INNER}.${path}` : INNER;
    places.set(place, qconfig);
    const name = `${place}.activation_post_process`;
    observers.set(name, makeObserver(qconfig.activation, name));
    inputObservers.set(place, makeObserver(qconfig.activation, `${place} (input)`));
  }
  return { wrapper, observers, inputObservers, qconfigs: places };
}

/** The QConfig that holds at a path: of the nearest enclosing path that names one. */
export function qconfigAt(map: QConfigMap, path: string): QConfig | null {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const own = map[at];
    if (own !== undefined) return own;
    if (at === '') return null;
  }
}

/** Hooks that feed the observers while calibration data runs through the wrapper. Call `queue.flush()` after each batch. */
export function calibrationHooks(prepared: PreparedModule, queue: ObservationQueue): ModuleHooks {
  const observe = async (ctx: OpContext, observer: Observer | undefined, value: RuntimeValue | undefined): Promise<undefined> => {
    if (observer && isTensor(value) && isFloat(value.meta.dtype)) await queue.observe(ctx, observer, value);
    return undefined;
  };
  return {
    before: (call, args) => observe(call.ctx, prepared.inputObservers.get(call.path), args[0]),
    // A traced module that is called twice has forward and forward1: both are the module's output.
    after: (call, result) => (call.method.startsWith('forward') ? observe(call.ctx, prepared.observers.get(`${call.path}.activation_post_process`), result) : undefined),
  };
}

/** Observers' states by name, for a session's file. */
export function saveObservers(prepared: PreparedModule): Record<string, ObserverState> {
  return Object.fromEntries([...allObservers(prepared)].map(([name, o]) => [name, o.saveState()]));
}

/** Throws OBSERVER_BAD_STATE. States of places that the model does not have are ignored. */
export function restoreObservers(prepared: PreparedModule, states: Readonly<Record<string, ObserverState>>): void {
  for (const [name, observer] of allObservers(prepared)) {
    const state = states[name];
    if (state) observer.restoreState(state);
  }
}

function* allObservers(prepared: PreparedModule): Generator<[string, Observer]> {
  yield* prepared.observers;
  for (const [path, observer] of prepared.inputObservers) yield [`${path}.input`, observer];
}
