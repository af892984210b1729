import { elementBytes, numel } from '../../kernels/tensor.ts';
import { isPackedParams, TensorData, type Constant } from '../ir/constant.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';
import { printType } from '../ir/types.ts';
import { openModel, type OpenModel } from './models.ts';
import type { ModelInput, ModelSummary, ModuleNode } from './types.ts';
import { unsupportedOps } from './unsupported.ts';

/** Nodes that hold a graph together and compute nothing. */
const STRUCTURE = new Set(['prim::Constant', 'prim::GetAttr', 'prim::ListConstruct', 'prim::ListUnpack', 'prim::TupleConstruct', 'prim::TupleUnpack', 'prim::If', 'prim::Loop', 'prim::RaiseException', 'prim::NumToTensor']);

/** EngineApi.inspect. */
export async function inspect(modelPath: string): Promise<ModelSummary> {
  const model = await openModel(modelPath);
  const warnings = [...model.warnings];
  const { inlined, frozen } = model.stages();
  const sizes = tensorSizes(model.module);
  return {
    path: modelPath, name: model.name, fileBytes: model.fileBytes, format: model.format,
    inputs: inlined.inputs.slice(1).map((v, i) => describeInput(v, i, model)),
    outputs: inlined.outputs.map((v) => printType(v.type)),
    ...sizes,
    quantized: [...inlined.walk()].some((n) => n.kind.startsWith('quantized::')),
    ops: countOps(frozen),
    modules: moduleNode(model.module, ''),
    unsupported: unsupportedOps(frozen),
    warnings,
  };
}

function describeInput(v: Value, index: number, model: OpenModel): ModelInput {
  const known = model.inputs?.[index];
  if (known) return { name: known.name, type: printType(v.type), shape: known.shape ? [...known.shape] : null, dtype: known.dtype };
  const image = index === 0 && v.type.kind === 'Tensor' && model.channels !== null;
  return {
    name: v.name.replace(/\.\d+$/, '') || `x${index}`, type: printType(v.type),
    shape: image ? [null, model.channels, null, null] : null,
    dtype: v.type.kind === 'Tensor' ? 'float32' : printType(v.type),
  };
}

/** Sizes of everything that a module and those in it hold; what modules share is counted once, as torch.nn.Module.parameters() does. */
function tensorSizes(root: ModuleObject): { parameters: number; parameterBytes: number; bufferBytes: number } {
  const seen = new Set<Constant>();
  let parameters = 0;
  let parameterBytes = 0;
  let bufferBytes = 0;
  for (const [, module] of root.namedModules()) {
    for (const [name, value] of module.attributes) {
      if (seen.has(value)) continue;
      seen.add(value);
      if (isPackedParams(value)) {
        const count = numel(value.weight.shape) + (value.bias ? numel(value.bias.shape) : 0);
        parameters += count;
        parameterBytes += numel(value.weight.shape) + (value.bias ? 4 * numel(value.bias.shape) : 0);
      } else if (value instanceof TensorData) {
        const bytes = numel(value.shape) * elementBytes(value.dtype);
        if (module.type.parameters.includes(name)) {
          parameters += numel(value.shape);
          parameterBytes += bytes;
        } else bufferBytes += bytes;
      }
    }
  }
  return { parameters, parameterBytes, bufferBytes };
}

function moduleNode(module: ModuleObject, path: string): ModuleNode {
  const children = module.children().map(([name, child]) => moduleNode(child, path ? `${path}.${name}` : name));
  return { path, type: demangle(module.type.name), parameters: tensorSizes(module).parameters, children };
}

function countOps(graph: Graph): { op: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const n of graph.walk()) if (!STRUCTURE.has(n.kind)) counts.set(n.kind, (counts.get(n.kind) ?? 0) + 1);
  return [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
}
