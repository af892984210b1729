import { dequantizeHost } from '../../kernels/ops/qquantize.ts';
import { toRowMajor } from '../../kernels/layout.ts';
import { isFloat, isQuantized, type HostTensor } from '../../kernels/tensor.ts';
import type { Device } from '../../kernels/device/index.ts';
import { sqnrDb } from '../analysis/metrics.ts';
import { EagerExecutor } from '../runtime/eager.ts';
import type { ModuleHooks } from '../runtime/hooks.ts';
import { isTensor } from '../runtime/value.ts';
import type { Measurement } from './compare.ts';
import type { LayerComparison } from './types.ts';

/**
 * SQNR of module outputs in int8 against fp32, by module path, on the batch that was timed. Imperative mode gives every leaf module's; where it was not
 * calibrated, scripted mode gives what its observers watched, of modules that have one such value.
 * @param layers what compareLayers found in scripted mode
 */
export async function layerSqnr(m: Measurement, layers: readonly LayerComparison[], signal: AbortSignal, notes: string[]): Promise<Map<string, number>> {
  const converted = m.source.imperative();
  const out = new Map<string, number>();
  if (!m.modes.includes('fp32-eager')) return out;
  if (!converted) return scriptedSqnr(layers, notes);
  if (!m.modes.includes('int8-eager')) return out;
  const fp32 = await captureLeaves(m.source.model.module, m.device, m.inputs, signal);
  const int8 = await captureLeaves(converted.wrapper, m.device, m.inputs, signal, converted.hooks);
  for (const [path, reference] of fp32) {
    const value = int8.get(path === '' ? 'module' : `module.${path}`);
    if (value?.length === reference.length) out.set(path, sqnrDb(reference, value));
  }
  return out;
}

function scriptedSqnr(layers: readonly LayerComparison[], notes: string[]): Map<string, number> {
  const out = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const { module } of layers) counts.set(module, (counts.get(module) ?? 0) + 1);
  for (const r of layers) if (r.module !== '' && counts.get(r.module) === 1) out.set(r.module, r.sqnrDb ?? Infinity);
  if (layers.length > 0) notes.push('per-layer SQNR is of int8 scripted, where ops are fused: quantize with mode both for every module');
  return out;
}

/** Outputs of leaf modules by path, as floats; of a module that runs several times the last. */
async function captureLeaves(module: Measurement['source']['model']['module'], device: Device, inputs: readonly HostTensor[], signal: AbortSignal, inner?: ModuleHooks): Promise<Map<string, Float32Array>> {
  const executor = new EagerExecutor(module, device);
  const found = new Map<string, Float32Array>();
  const hooks: ModuleHooks = {
    ...inner,
    async after(call, result, args) {
      const replaced = await inner?.after?.(call, result, args);
      const value = replaced ?? result;
      if (call.module.children().length === 0 && isTensor(value) && (isFloat(value.meta.dtype) || isQuantized(value.meta.dtype))) {
        const host = await call.ctx.read(value);
        found.set(call.path, Float32Array.from(toRowMajor(isQuantized(host.meta.dtype) ? dequantizeHost(host) : host)));
      }
      return replaced;
    },
  };
  try {
    await executor.run(inputs, { hooks, signal });
  } finally {
    executor.destroy();
  }
  return found;
}
