import { elementBytes, numel } from '../../kernels/tensor.ts';
import { isPackedParams, TensorData, type Constant } from '../ir/constant.ts';
import type { Graph } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';

/** Bytes of every tensor below some constants, each counted once: weights as they are stored (one byte for qint8), scales of packed weights with them. */
export function constantBytes(constants: Iterable<Constant>): number {
  const seen = new Set<Constant>();
  let bytes = 0;
  const visit = (c: Constant): void => {
    if (typeof c !== 'object' || c === null || seen.has(c)) return;
    seen.add(c);
    if (c instanceof TensorData) bytes += numel(c.shape) * elementBytes(c.dtype);
    else if (c instanceof ModuleObject) for (const v of c.attributes.values()) visit(v);
    else if (isPackedParams(c)) {
      visit(c.weight);
      if (c.bias) visit(c.bias);
      const q = c.weight.host().meta.q;
      if (q?.scheme === 'per_channel_affine') bytes += 8 * q.scales.length;
    } else if (Array.isArray(c)) for (const v of c as readonly Constant[]) visit(v);
  };
  for (const c of constants) visit(c);
  return bytes;
}

/** Bytes of the weights that a graph holds as constants, or reads from its module (packed weights are attributes of it). */
export function graphBytes(graph: Graph, module?: ModuleObject): number {
  const constants: Constant[] = [];
  for (const n of graph.walk()) {
    if (n.kind === 'prim::Constant') constants.push(n.attributes.get('value') ?? null);
    else if (n.kind === 'prim::GetAttr' && n.input(0) === graph.inputs[0]) constants.push(module?.attributes.get(n.attributes.get('name') as string) ?? null);
  }
  return constantBytes(constants);
}

/** Bytes of the weights of a module tree, graphs of built modules included (a swapped module holds its packed weight in its graph). */
export function moduleBytes(root: ModuleObject): number {
  const constants: Constant[] = [];
  for (const [, module] of root.namedModules()) {
    constants.push(...[...module.attributes.values()].filter((v) => !(v instanceof ModuleObject)));
    if (!module.type.name.includes('torch.ao.nn.quantized')) continue;
    for (const n of module.type.method('forward').walk()) if (n.kind === 'prim::Constant') constants.push(n.attributes.get('value') ?? null);
  }
  return constantBytes(constants);
}
