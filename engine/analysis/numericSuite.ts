import type { Device } from '../../kernels/device/index.ts';
import { toRowMajor } from '../../kernels/layout.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import { T } from '../ir/types.ts';
import { cloneGraph } from '../ir/clone.ts';
import type { ConvertedGraph } from '../quantization/jit/convertJit.ts';
import { OBSERVE } from '../quantization/jit/observerModule.ts';
import { observeInto, observerModuleOf, type PreparedGraph } from '../quantization/jit/prepareJit.ts';
import { EagerContext } from '../runtime/eagerContext.ts';
import { Interpreter } from '../runtime/interpreter.ts';
import { releaseAll } from '../runtime/lifetimes.ts';
import { isTensor } from '../runtime/value.ts';
import { fakeQuantize } from './fakeQuantize.ts';
import { pairHistogram, type PairHistogram } from './histogram.ts';
import { cosine, largestError, sqnrDb } from './metrics.ts';

/** One place of a model, in float32 and in int8, on the same inputs. */
export interface NumericComparison {
  /** The observer's name: module path and value, `layers.0.conv1.input`. */
  readonly name: string;
  /** Path of the module whose op made the float value; '' for the model's own and for its inputs. */
  readonly module: string;
  /** The int8 op that takes the place of what made it: `quantized::conv2d_relu`. */
  readonly op: string;
  readonly shape: readonly number[];
  /** Signal to noise in dB; Infinity where nothing differs. */
  readonly sqnrDb: number;
  /** 1 for equal directions. */
  readonly cosine: number;
  readonly largestError: number;
  readonly histogram: PairHistogram;
  /** SQNR in dB where only the weights, or only the activations, are rounded to 8 bits and all is computed in float32. */
  readonly weightsOnlyDb: number;
  readonly activationsOnlyDb: number;
}

/** The runs that a comparison takes. */
export const NUMERIC_RUNS = ['fp32', 'weights in int8', 'activations in int8', 'int8'] as const;

/** A value of the prepared graph, in float32, and the one of the converted graph that stands for it. */
interface Pair { readonly name: string; readonly float: Value; readonly int8: Value }

/**
 * torch.ao.ns's numeric suite for scripted mode: every observed value in float32 (batch norms folded, observers silent) beside what it became in int8, both
 * run on the same inputs. Values are taken where ops were fused by convert_jit; fusing further changes no bit, so that looking changes nothing.
 * @param inputs one batch; all compared values of it are kept on the host while this runs
 * @param onRun hears of each run before it starts, by its place in NUMERIC_RUNS
 * @throws QuantbenchError CANCELLED and what the operators throw
 */
export async function compareNumerics(prepared: PreparedGraph, converted: ConvertedGraph, inputs: readonly HostTensor[], device: Device, signal?: AbortSignal,
  onRun: (index: number) => void = () => undefined): Promise<NumericComparison[]> {
  const pairs = pairsOf(prepared, converted);
  observeInto(prepared, null);
  onRun(0);
  const float = await capture(prepared.graph, prepared.module, pairs.map((p) => p.float), 'aten::clone', inputs, device, signal);
  const alone: number[][] = [];
  for (const [i, side] of (['weights', 'activations'] as const).entries()) {
    onRun(1 + i);
    const fake = fakeQuantize(prepared, side);
    const values = await capture(fake.graph, prepared.module, pairs.map((p) => fake.values.get(p.name)!), 'aten::clone', inputs, device, signal);
    alone.push(values.map((v, k) => sqnrDb(float[k]!.data, v.data)));
  }
  onRun(3);
  const int8 = await capture(converted.graph, converted.module, pairs.map((p) => p.int8), 'aten::dequantize', inputs, device, signal);
  return pairs.flatMap((p, i) => {
    const [a, b] = [float[i]!, int8[i]!];
    if (a.data.length !== b.data.length) return [];
    return [{
      name: p.name, module: p.float.node?.scope ?? '', op: p.int8.node?.kind ?? '', shape: a.shape,
      sqnrDb: sqnrDb(a.data, b.data), cosine: cosine(a.data, b.data), largestError: largestError(a.data, b.data),
      histogram: pairHistogram(a.data, b.data), weightsOnlyDb: alone[0]![i]!, activationsOnlyDb: alone[1]![i]!,
    }];
  });
}

/** Places that both graphs have in their bodies, in the order of the program. */
function pairsOf(prepared: PreparedGraph, converted: ConvertedGraph): Pair[] {
  const pairs: Pair[] = [];
  for (const n of prepared.graph.nodes) {
    if (n.kind !== OBSERVE) continue;
    const { name } = observerModuleOf(n, prepared.graph, prepared.module).module.observer;
    const int8 = converted.observed.get(name);
    if (int8) pairs.push({ name, float: n.input(0), int8 });
  }
  return pairs;
}

/** Runs a copy of a graph that returns copies of some of its values, each made right behind the value: later ops may change it in place. */
async function capture(graph: Graph, module: ModuleObject, values: readonly Value[], copyKind: 'aten::clone' | 'aten::dequantize', inputs: readonly HostTensor[],
  device: Device, signal?: AbortSignal): Promise<{ data: ArrayLike<number>; shape: readonly number[] }[]> {
  const copies = new Map<Value, Value>();
  const copy = cloneGraph(graph, copies);
  while (copy.outputs.length > 0) copy.block.removeOutput(copy.outputs.length - 1);
  for (const v of values) {
    const watched = copies.get(v)!;
    const kept = copy.create(copyKind, [watched], [T.tensor]);
    if (watched.node) copy.block.insertAfter(kept, watched.node);
    else copy.block.prepend(kept);
    copy.block.addOutput(kept.output);
  }
  const given = inputs.map((t) => device.upload(t));
  try {
    const results = await new Interpreter(new EagerContext(device)).run(copy, [module, ...given], { signal });
    const out = [];
    for (const r of results) {
      const host = isTensor(r) ? await device.download(r) : null;
      out.push({ data: host ? toRowMajor(host) : [], shape: host?.meta.shape ?? [] });
    }
    releaseAll(results);
    return out;
  } finally {
    releaseAll(given);
  }
}
