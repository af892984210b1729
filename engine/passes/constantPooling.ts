import { isQuantized } from '../../kernels/tensor.ts';
import { TensorData, type Constant } from '../ir/constant.ts';
import type { Node } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { Pass } from './pass.ts';

/** One prim::Constant for each value, at the top of the graph, as PyTorch's ConstantPooling leaves them. */
export const constantPooling: Pass = {
  name: 'constantPooling',
  run(graph) {
    const kept = new Map<string, Node>();
    const identity = new Map<object, number>();
    let changed = false;
    const constants = [...graph.walk()].filter((n) => n.kind === 'prim::Constant');
    for (const n of constants) {
      const key = `${typeKey(n)} ${valueKey(n.attributes.get('value') ?? null, identity)} ${functionKey(n)}`;
      const first = kept.get(key);
      if (!first) {
        kept.set(key, n);
        continue;
      }
      n.output.replaceAllUsesWith(first.output);
      n.destroy();
      changed = true;
    }
    const order = [...kept.values()];
    if (order.every((n, i) => graph.nodes[i] === n)) return changed;
    for (const n of order) n.owner.nodes.splice(n.owner.nodes.indexOf(n), 1);
    for (const n of order) n.owner = graph.block;
    graph.nodes.unshift(...order);
    return true;
  },
};

/** Tensors of equal data may differ in printed type; the object tells them apart. */
function typeKey(n: Node): string {
  return n.output.type.kind === 'Tensor' ? 'Tensor' : printType(n.output.type);
}

/** Functions are constants without a value; their attributes `name` and `graph` tell them apart. */
function functionKey(n: Node): string {
  return typeof n.attributes.get('name') === 'string' ? String(n.attributes.get('name')) : '';
}

function valueKey(v: Constant, identity: Map<object, number>): string {
  if (v === null || typeof v === 'boolean') return String(v);
  if (typeof v === 'number') return Object.is(v, -0) ? '-0' : String(v);
  if (typeof v === 'string') return JSON.stringify(v);
  if (Array.isArray(v)) return `[${(v as readonly Constant[]).map((e) => valueKey(e, identity)).join(',')}]`;
  if (v instanceof TensorData && v.shape.length === 0) {
    const host = v.host();
    return `${v.dtype} scalar ${host.data[host.meta.offset]}`;
  }
  // Quantized parameters are short (a norm's weight or mean), and often equal: PyTorch pools them by their data. Float weights would all have to be read.
  if (v instanceof TensorData && isQuantized(v.dtype)) {
    const { meta, data } = v.host();
    return `${v.dtype} ${JSON.stringify([v.shape, meta.strides, meta.offset, meta.q])} ${data.join()}`;
  }
  const object = v as object;
  if (!identity.has(object)) identity.set(object, identity.size);
  return `#${identity.get(object)}`;
}
