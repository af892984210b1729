import type { Device, Tensor } from '../../kernels/device/index.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import { TensorData } from '../ir/constant.ts';
import { convert, type ConvertedModule } from '../nn/convert.ts';
import * as nn from '../nn/prepare.ts';
import { optimizeFrozen, type OptimizedGraph } from '../passes/optimizeForInference.ts';
import { checkKernels } from '../quantization/checkKernels.ts';
import { convertJit, type ConvertedGraph } from '../quantization/jit/convertJit.ts';
import * as jit from '../quantization/jit/prepareJit.ts';
import { optimizeConverted } from '../quantization/optimize/index.ts';
import { recordShapes } from '../quantization/optimize/recordShapes.ts';
import { ObservationQueue } from '../quantization/observation.ts';
import type { Observer, ObserverState } from '../quantization/observers/index.ts';
import { makeObserver, qconfigMap } from '../quantization/qconfig.ts';
import { EagerContext } from '../runtime/eagerContext.ts';
import { EagerExecutor } from '../runtime/eager.ts';
import { Interpreter } from '../runtime/interpreter.ts';
import { releaseAll } from '../runtime/lifetimes.ts';
import type { RuntimeValue } from '../runtime/value.ts';
import type { CalibrationState } from './api.ts';
import type { OpenModel } from './models.ts';
import { checkSupported } from './unsupported.ts';
import type { ObserverRow, QConfigSpec, QuantizeMode } from './types.ts';

type States = Record<string, ObserverState>;

/** One mode of a model that is being calibrated. */
export interface PreparedSide {
  readonly mode: ObserverRow['mode'];
  /** Runs a batch and feeds the observers. Throws OBSERVER_NON_FINITE, CANCELLED. */
  observe(inputs: readonly HostTensor[], signal: AbortSignal): Promise<void>;
  observers(): Iterable<{ name: string; observer: Observer; kind: ObserverRow['kind'] }>;
  /** 32 bins over what an observer saw last, where it is known. */
  sparkline(observer: Observer): number[] | undefined;
  /** Whether the next batch is sketched for `sparkline`. */
  sketch(on: boolean): void;
  save(): States;
  restore(states: States): void;
}

export interface PreparedModel {
  readonly scripted: PreparedSide | null;
  readonly imperative: PreparedSide | null;
  readonly warnings: readonly string[];
  save(): { scripted: States | null; imperative: States | null };
  restore(state: CalibrationState): void;
  destroy(): void;
}

/** prepare_jit, prepare, or both, ready to run on a device. Throws OPERATOR_UNSUPPORTED, QCONFIG_INVALID, QCONFIG_NO_MODULE. */
export function prepareModel(model: OpenModel, spec: QConfigSpec, mode: QuantizeMode, device: Device): PreparedModel {
  checkSupported(model);
  const scripted = mode === 'imperative' ? null : scriptedSide(jit.prepareJit(model.module, qconfigMap(spec)), device);
  const imperative = mode === 'scripted' ? null : imperativeSide(nn.prepare(model.module, qconfigMap(spec)), device);
  return {
    scripted, imperative, warnings: [],
    save: () => ({ scripted: scripted?.save() ?? null, imperative: imperative?.save() ?? null }),
    restore(state) {
      if (scripted && state.scripted) scripted.restore(state.scripted as States);
      if (imperative && state.imperative) imperative.restore(state.imperative as States);
    },
    destroy: () => { imperative?.destroy(); },
  };
}

function scriptedSide(prepared: jit.PreparedGraph, device: Device): PreparedSide {
  const queue = new ObservationQueue();
  jit.observeInto(prepared, queue);
  const interpreter = new Interpreter(new EagerContext(device));
  return {
    mode: 'scripted',
    sparkline: (observer) => queue.sketchOf(observer),
    sketch: (on) => { queue.sketching = on; },
    observers: () => [...prepared.observers.values()],
    save: () => jit.saveObservers(prepared),
    restore: (states) => { jit.restoreObservers(prepared, states); },
    observe: (inputs, signal) => observeBatch(device, queue, inputs, (values) => interpreter.run(prepared.graph, [prepared.module, ...values], { signal })),
  };
}

function imperativeSide(prepared: nn.PreparedModule, device: Device): PreparedSide & { destroy(): void } {
  const queue = new ObservationQueue();
  const hooks = nn.calibrationHooks(prepared, queue);
  const executor = new EagerExecutor(prepared.wrapper, device);
  const weights = weightObservers(prepared);
  return {
    mode: 'imperative',
    sparkline: (observer) => queue.sketchOf(observer),
    sketch: (on) => { queue.sketching = on; },
    observers: () => [...[...prepared.observers].map(([name, observer]) => ({ name, observer, kind: 'activation' as const })), ...weights],
    save: () => nn.saveObservers(prepared),
    restore: (states) => { nn.restoreObservers(prepared, states); },
    observe: (inputs, signal) => observeBatch(device, queue, inputs, (values) => executor.forward(values, { hooks, signal })),
    destroy: () => { executor.destroy(); },
  };
}

/** Runs a batch that lies on the device, and hands what it showed to the observers; a batch that fails half way shows nothing. */
async function observeBatch(
  device: Device, queue: ObservationQueue, inputs: readonly HostTensor[], run: (values: Tensor[]) => Promise<RuntimeValue>,
): Promise<void> {
  const values = inputs.map((t) => device.upload(t));
  try {
    releaseAll(await run(values));
    await queue.flush();
  } catch (e) {
    queue.clear();
    throw e;
  } finally {
    releaseAll(values);
  }
}

/** Imperative mode looks at weights only in convert; a person wants to see them beside the activations. */
function weightObservers(prepared: nn.PreparedModule): { name: string; observer: Observer; kind: 'weight' }[] {
  return [...prepared.qconfigs].flatMap(([path, qconfig]) => {
    const weight = prepared.wrapper.submodule(path)?.attributes.get('weight');
    if (!(weight instanceof TensorData) || weight.shape.length < 2) return [];
    const observer = makeObserver(qconfig.weight, `${path}.weight`);
    observer.observe(weight.host());
    return [{ name: `${path}.weight`, observer, kind: 'weight' as const }];
  });
}

/** The fp32 plan of a model, made at first use. */
const floatPlans = new WeakMap<OpenModel, OptimizedGraph>();

/** The fp32 graph that the scripted executor runs. */
export function fp32Optimized(model: OpenModel): OptimizedGraph {
  let plan = floatPlans.get(model);
  if (!plan) floatPlans.set(model, plan = optimizeFrozen(model.stages(), model.module));
  return plan;
}

/** The same for inputs of these shapes, as calibration saw them: sums that are broadcast are left, and told. */
export async function fp32OptimizedFor(model: OpenModel, inputShapes: readonly (readonly number[])[] | undefined): Promise<OptimizedGraph> {
  if (!inputShapes) return fp32Optimized(model);
  const stages = model.stages();
  return optimizeFrozen(stages, model.module, await recordShapes(stages.frozen, model.module, inputShapes));
}

/** A model after convert_jit, convert, or both. */
export interface ConvertedModel {
  readonly scripted: { readonly prepared: jit.PreparedGraph; readonly converted: ConvertedGraph; readonly optimized: OptimizedGraph } | null;
  readonly imperative: ConvertedModule | null;
}

/** Converts by what a calibration learned, fused for the shapes that it saw. Throws OBSERVER_BAD_STATE where it is of another model, QCONFIG_NO_KERNEL. */
export async function convertModel(model: OpenModel, spec: QConfigSpec, calibration: CalibrationState): Promise<ConvertedModel> {
  let scripted: ConvertedModel['scripted'] = null;
  let imperative: ConvertedModule | null = null;
  if (calibration.scripted) {
    const prepared = jit.prepareJit(model.module, qconfigMap(spec));
    jit.restoreObservers(prepared, calibration.scripted as States);
    const converted = convertJit(prepared);
    checkKernels(converted.graph, converted.module);
    const shapes = calibration.inputShapes && await recordShapes(converted.graph, converted.module, calibration.inputShapes);
    scripted = { prepared, converted, optimized: optimizeConverted(converted, shapes) };
  }
  if (calibration.imperative) {
    const prepared = nn.prepare(model.module, qconfigMap(spec));
    nn.restoreObservers(prepared, calibration.imperative as States);
    imperative = convert(prepared);
  }
  return { scripted, imperative };
}

