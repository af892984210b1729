import { TensorData, type Constant } from './constant.ts';
import { Graph, type Block, type Node } from './graph.ts';
import { ModuleObject } from './module.ts';
import { printType } from './types.ts';

/**
 * Merges equal constants and moves each to the front of the graph, as PyTorch's ConstantPooling does; the last one met so comes first.
 */
export function poolConstants(graph: Graph): void {
  const known = new Map<string, Node>();
  const identities = new Map<object, number>();
  const visit = (block: Block): void => {
    for (const node of [...block.nodes]) {
      for (const b of node.blocks) visit(b);
      if (node.kind !== 'prim::Constant') continue;
      // Functions of one name may differ: PyTorch keeps one for each combination of argument types.
      const called = node.attributes.get('graph');
      const code = called instanceof Graph ? identityOf(called, identities) : '';
      const key = `${printType(node.output.type)} ${code} ${constantKey(node.attributes.get('value') ?? node.attributes.get('name') ?? null, identities)}`;
      const same = known.get(key);
      if (same) {
        node.output.replaceAllUsesWith(same.output);
        node.destroy();
        continue;
      }
      known.set(key, node);
      const first = graph.nodes[0];
      if (first && first !== node) node.moveBefore(first);
    }
  };
  visit(graph.block);
}

/** Equal text for equal data; tensors and objects are equal only to themselves. */
function constantKey(value: Constant, identities: Map<object, number>): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Constant[]).map((v) => constantKey(v, identities)).join(',')}]`;
  if (value instanceof Map) return `{${[...(value as ReadonlyMap<Constant, Constant>)].map(([k, v]) => `${constantKey(k, identities)}:${constantKey(v, identities)}`).join(',')}}`;
  return identityOf(value, identities);
}

function identityOf(value: object, identities: Map<object, number>): string {
  let id = identities.get(value);
  if (id === undefined) identities.set(value, id = identities.size);
  const kind = value instanceof TensorData ? 'tensor' : value instanceof ModuleObject ? 'module' : value instanceof Graph ? 'graph' : 'object';
  return `${kind}#${id}`;
}
