import type { Device } from '../../../kernels/device/index.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { makeMeta } from '../../../kernels/layout.ts';
import type { TensorMeta } from '../../../kernels/tensor.ts';
import type { Graph } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { passContext } from '../../passes/pass.ts';
import { runPasses, runToFixpoint, SIMPLIFY } from '../../passes/pipeline.ts';
import { removeInPlace } from '../../passes/removeInPlace.ts';
import { Unsupported } from '../unsupported.ts';
import { Builder } from './builder.ts';
import { TensorItem, type Item } from './items.ts';
import { modelBytes, valueInfo } from './proto.ts';
import { Walk } from './walk.ts';

export const OPSETS = { oldest: 13, newest: 21, standard: 17 } as const;
/** Two batch sizes that tell what depends on the batch from what does not. */
const BATCHES = [2, 3] as const;

export interface OnnxExport {
  /** A frozen or converted graph; first input: the module. */
  readonly graph: Graph;
  readonly module: ModuleObject;
  readonly name: string;
  /** Metas of one batch of the model's inputs; dimension 0 is the batch. */
  readonly inputs: readonly TensorMeta[];
  readonly opset: number;
  /**
   * How convolutions and linear layers are written. `float`: sums, biases and roundings as PyTorch's kernels have them (see exact.ts), which any runtime
   * repeats byte by byte at the speed of float convolutions. `int32`: biases in int32 within plain QDQ
   * patterns, which runtimes fuse into int8 kernels; each bias is rounded to a step of the sums, and nothing saturates where PyTorch's depthwise kernels on
   * x86 do.
   */
  readonly bias: 'int32' | 'float';
  /** Where constants are folded: the cpu device. */
  readonly device: Device;
}

export interface OnnxModel {
  readonly bytes: Uint8Array;
  /** Whether the batch dimension is free. It is not where the model works for one batch size alone. */
  readonly dynamicBatch: boolean;
}

/**
 * A graph as an ONNX model in QDQ form: int8 weights and activations between QuantizeLinear and DequantizeLinear, which runtimes fuse into int8 kernels, and
 * the ops themselves in float.
 * Throws EXPORT_OPSET, EXPORT_UNSUPPORTED_OP naming every op that cannot be written, EXPORT_DATA_DEPENDENT.
 */
export async function exportOnnx(request: OnnxExport): Promise<OnnxModel> {
  if (!Number.isInteger(request.opset) || request.opset < OPSETS.oldest || request.opset > OPSETS.newest) {
    throw new QuantbenchError('EXPORT_OPSET', `opset ${request.opset} is not written, opsets ${OPSETS.oldest} to ${OPSETS.newest} are`, 'Choose one of them.');
  }
  const graph = cloneGraph(request.graph);
  const ctx = passContext(request.module);
  runPasses(graph, [removeInPlace], ctx);
  runToFixpoint(graph, SIMPLIFY, ctx);
  const free = request.inputs.map((meta) => BATCHES.map((batch) => makeMeta(meta.dtype, [batch, ...meta.shape.slice(1)])));
  const dynamic = request.inputs.every((m) => m.shape.length > 0);
  try {
    if (dynamic) return { bytes: await write(request, graph, free), dynamicBatch: true };
  } catch (e) {
    if (!(e instanceof QuantbenchError) || e.code === 'EXPORT_UNSUPPORTED_OP') throw e;
    // A model that holds its batch size in a constant runs for no other.
  }
  return { bytes: await write(request, graph, request.inputs.map((m) => [m])), dynamicBatch: false };
}

async function write(request: OnnxExport, graph: Graph, inputs: readonly (readonly TensorMeta[])[]): Promise<Uint8Array> {
  const unsupported = new Unsupported();
  const walk = new Walk(request.device, inputs[0]?.length ?? 1, new Builder(request.opset, request.bias === 'float'), unsupported);
  try {
    const names = graph.inputs.slice(1).map((v, i) => walk.builder.fresh(v.name.replace(/\.\d+$/, '') || `input_${i}`));
    const results = namedOutputs(await walk.run(graph, request.module, inputs, names));
    unsupported.throwIfAny(`ONNX opset ${request.opset}`, 'Export TorchScript, choose a newer opset, or leave these modules out.');
    const outputs = results.map(({ name, item }) => {
      const named = walk.builder.fresh(name);
      walk.builder.nodes.push(...renamed(walk, walk.builder.value(item), named));
      return { named, item };
    });
    const { nodes, initializers } = walk.builder.finish(outputs.map((o) => o.named));
    return modelBytes({
      name: request.name, nodes, initializers,
      inputs: names.map((n, i) => valueInfo(n, inputs[i]![0]!.dtype, dims(inputs[i]!))),
      outputs: outputs.map(({ named, item }) => valueInfo(named, item.meta.q ? 'float32' : item.meta.dtype, dims(item.runtime.map((t) => t.meta)))),
    }, request.opset);
  } finally {
    walk.destroy();
  }
}

/** `Identity` from what an output is called inside to its name. */
function renamed(walk: Walk, from: string, to: string): Walk['builder']['nodes'] {
  const before = walk.builder.nodes.length;
  walk.builder.scope = '';
  walk.builder.op('Identity', [from]);
  const [node] = walk.builder.nodes.splice(before);
  node!.output = [to];
  return [node!];
}

/** Sizes: `batch` where it is the batch, a name of its own where it depends on it otherwise. */
function dims(metas: readonly TensorMeta[]): (number | string)[] {
  return metas[0]!.shape.map((d, i) => {
    if (metas.every((m) => m.shape[i] === d)) return d;
    return metas.every((m, run) => m.shape[i] === BATCHES[run]) ? 'batch' : `batch_dim_${i}`;
  });
}

/** Tensors of the result in order: `output`, or `output_0` and on, or the keys of a dict. */
function namedOutputs(results: readonly Item[]): { name: string; item: TensorItem }[] {
  const found: { name: string; item: TensorItem }[] = [];
  const visit = (item: Item, path: string): void => {
    if (item instanceof TensorItem) found.push({ name: path === '' ? 'output' : path, item });
    else if (item.kind === 'list') item.items.forEach((i, at) => { visit(i, path === '' ? `output_${at}` : `${path}_${at}`); });
    else if (item.kind === 'dict') for (const [k, v] of item.entries) visit(v, path === '' ? String(k) : `${path}_${String(k)}`);
    else if (item.kind === 'host' && item.value !== null) {
      throw new QuantbenchError('EXPORT_OUTPUT', 'the model returns something that is neither a tensor nor a tuple or list of tensors', 'Wrap the model so that it returns tensors.');
    }
  };
  results.forEach((r) => { visit(r, ''); });
  if (found.length === 0) throw new QuantbenchError('EXPORT_OUTPUT', 'the model returns no tensor', 'Wrap the model so that it returns one.');
  return found;
}
