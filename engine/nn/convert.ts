import { qdequantize } from '../../kernels/ops/qdequantize.ts';
import { qOutput } from '../../kernels/ops/qmath.ts';
import { qquantize } from '../../kernels/ops/qquantize.ts';
import { isFloat, isQuantized } from '../../kernels/tensor.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';
import type { PackedParams } from '../ir/constant.ts';
import type { ModuleHooks } from '../runtime/hooks.ts';
import type { OpContext } from '../runtime/operator.ts';
import { isTensor, type RuntimeValue } from '../runtime/value.ts';
import { makeObserver } from '../quantization/qconfig.ts';
import type { Observer } from '../quantization/observers/index.ts';
import type { FloatSpot } from '../workflow/types.ts';
import { FIXED_QPARAMS_MODULES, STATIC_QUANT_MODULES } from './mappings.ts';
import { copyTree } from './moduleTree.ts';
import { innerPath, type PreparedModule } from './prepare.ts';
import { moduleRepr, packedExtra, pythonFloat, shortName, type ModuleLine } from './repr.ts';
import { swapModule, type OutputQParams, type SwappedModule } from './swap.ts';
import { floatExtra } from './floatRepr.ts';

/** Quantization of one tensor: what an observer came to. */
interface TensorQParams extends OutputQParams { readonly dtype: 'quint8' | 'qint8' }

/** A module that took its quantized form. */
export interface SwapRecord {
  /** In the wrapper: `module.conv1`. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
  readonly scale?: number;
  readonly zeroPoint?: number;
  readonly packed: PackedParams | null;
}

/** A converted QuantWrapper: run it with the hooks. */
export interface ConvertedModule {
  readonly wrapper: ModuleObject;
  readonly swapped: readonly SwapRecord[];
  /** Modules that have a quantized form but could not take it. */
  readonly kept: readonly FloatSpot[];
  /** Printed as Python prints the converted wrapper. */
  readonly repr: string;
  /** Fills with the places where a run dequantized around an op that PyTorch refuses on quantized tensors. */
  readonly floatSpots: FloatSpot[];
  readonly hooks: ModuleHooks;
}

/**
 * torch.ao.quantization.convert: swaps every observed module for its quantized form. Where PyTorch's imperative mode would then refuse an op on
 * quantized tensors (add, mul, attention, ...), the run dequantizes around it and notes the place in `floatSpots`.
 */
export function convert(prepared: PreparedModule): ConvertedModule {
  const qparams = new Map([...prepared.observers].map(([name, o]) => [name.replace(/\.activation_post_process$/, ''), qparamsOf(o)]));
  const inputs = new Map([...prepared.inputObservers].map(([path, o]) => [path, qparamsOf(o)]));
  const swaps = new Map<string, SwappedModule>();
  const swapped: SwapRecord[] = [];
  const kept: FloatSpot[] = [];
  const wrapper = copyTree(prepared.wrapper, (path, module) => {
    const qconfig = prepared.qconfigs.get(path);
    const mapping = STATIC_QUANT_MODULES[demangle(module.type.name)];
    const output = qparams.get(path);
    if (!qconfig || !mapping || !output) return null;
    const swap = swapModule(module, mapping, output, () => makeObserver(qconfig.weight, `${path}.weight`));
    const from = demangle(module.type.name);
    if (!swap) {
      kept.push({ module: innerPath(path), op: from, reason: `its forward has none of ${mapping.ops.join(', ')} with constant weights` });
      return null;
    }
    swaps.set(path, swap);
    swapped.push({ path, from, to: mapping.quantized, packed: swap.packed, ...swap.output });
    return swap.module;
  });
  const quant = qparams.get('quant') ?? null;
  const floatSpots: FloatSpot[] = [];
  return {
    wrapper, swapped, kept, floatSpots,
    repr: moduleRepr(wrapper, (path, module) => line(path, module, prepared, swaps, quant)),
    hooks: runHooks({ quant, inputs, swapped: new Set(swaps.keys()), floatSpots }),
  };
}

function qparamsOf(observer: Observer): TensorQParams {
  const { scale, zeroPoint } = observer.calculateQParams();
  return { scale: scale[0]!, zeroPoint: zeroPoint[0]!, dtype: observer.args.dtype };
}

interface RunPlan {
  readonly quant: TensorQParams | null;
  readonly inputs: ReadonlyMap<string, TensorQParams>;
  readonly swapped: ReadonlySet<string>;
  readonly floatSpots: FloatSpot[];
}

function runHooks(plan: RunPlan): ModuleHooks {
  const seen = new Set<string>();
  return {
    before(call, args) {
      // A float from an op that ran dequantized reaches a quantized module: quantize it as calibration saw it.
      const q = plan.swapped.has(call.path) ? plan.inputs.get(call.path) : undefined;
      const x = args[0];
      if (!q || !isTensor(x) || !isFloat(x.meta.dtype)) return undefined;
      return [call.ctx.run(qquantize, [x], qOutput(q.dtype, q.scale, q.zeroPoint))[0]!, ...args.slice(1)];
    },
    forward(call, args) {
      const x = args[0];
      if (call.path === 'quant' && plan.quant && isTensor(x) && isFloat(x.meta.dtype)) {
        return call.ctx.run(qquantize, [x], qOutput(plan.quant.dtype, plan.quant.scale, plan.quant.zeroPoint))[0]!;
      }
      return call.path === 'dequant' && x !== undefined ? dequantizeAll(call.ctx, x) : undefined;
    },
    refused(refusal) {
      const module = innerPath(refusal.path);
      const key = `${module}|${refusal.kind}`;
      if (!seen.has(key)) {
        seen.add(key);
        plan.floatSpots.push({ module, op: refusal.kind, reason: 'PyTorch\'s imperative mode has no quantized kernel for it: dequantized around it' });
      }
      return refusal.run(refusal.args.map((a) => dequantizeAll(refusal.ctx, a)));
    },
  };
}

/** Every quantized tensor below a value as float. */
function dequantizeAll(ctx: OpContext, value: RuntimeValue): RuntimeValue {
  if (isTensor(value)) return isQuantized(value.meta.dtype) ? ctx.run(qdequantize, [value], {})[0]! : value;
  if (Array.isArray(value)) return value.map((v) => dequantizeAll(ctx, v));
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, dequantizeAll(ctx, v)]));
  return value;
}

function line(
  path: string, module: ModuleObject, prepared: PreparedModule, swaps: ReadonlyMap<string, SwappedModule>, quant: TensorQParams | null,
): ModuleLine {
  if (path === '') return { className: 'QuantWrapper', extra: '' };
  if (path === 'quant') {
    if (!quant) return { className: 'QuantStub', extra: '' };
    return { className: 'Quantize', extra: `scale=tensor([${quant.scale.toFixed(4)}]), zero_point=tensor([${quant.zeroPoint}]), dtype=torch.${quant.dtype}` };
  }
  if (path === 'dequant') return { className: 'DeQuantize', extra: '' };
  const swap = swaps.get(path);
  const original = prepared.wrapper.submodule(path) ?? module;
  if (!swap) return { className: shortName(original), extra: FIXED_QPARAMS_MODULES.has(demangle(original.type.name)) ? '' : floatExtra(original) };
  const className = STATIC_QUANT_MODULES[demangle(original.type.name)]!.quantized;
  if (swap.packed && swap.output) return { className, extra: packedExtra(swap.packed, swap.output.scale, swap.output.zeroPoint) };
  const own = floatExtra(original);
  return { className, extra: swap.output ? [own, `scale=${pythonFloat(swap.output.scale)}, zero_point=${swap.output.zeroPoint}`].filter(Boolean).join(', ') : own };
}
