import { QuantbenchError } from '../../kernels/errors.ts';
import { isPackedParams } from '../ir/constant.ts';
import type { Graph, Node } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import { isSupported } from '../runtime/operators/index.ts';

/**
 * Refuses a converted graph that holds int8 ops without a kernel, all at once: the QConfig asked for what cannot be computed.
 * Throws QCONFIG_NO_KERNEL naming the modules.
 */
export function checkKernels(graph: Graph, module: ModuleObject): void {
  const missing = new Map<string, string>();
  for (const n of graph.walk()) {
    if (!n.kind.startsWith('quantized::')) continue;
    const why = isSupported(n.kind) ? transposedGroups(n, module) : `there is no int8 kernel ${n.kind}`;
    if (why !== undefined) missing.set(n.scope, why);
  }
  if (missing.size === 0) return;
  const places = [...missing].map(([path, why]) => `${path === '' ? 'the model itself' : `'${path}'`} (${why})`);
  const keep = [...missing.keys()].filter((path) => path !== '').map((path) => `--keep-float ${path}`);
  throw new QuantbenchError('QCONFIG_NO_KERNEL', `This QConfig cannot be honoured at ${places.join(', ')}.`,
    keep.length > 0 ? `Leave what cannot be int8 in float: ${keep.join(' ')}.` : 'Put the op in a module of its own, so that it can be left in float.',
    { modules: [...missing.keys()] });
}

/** Transposed convolutions in groups have one scale. */
function transposedGroups(n: Node, module: ModuleObject): string | undefined {
  if (!n.kind.startsWith('quantized::conv_transpose')) return undefined;
  const params = module.attributes.get(String(n.input(1).node?.attributes.get('name')));
  if (!isPackedParams(params) || params.groups === 1) return undefined;
  return params.weight.host().meta.q?.scheme === 'per_channel_affine' ? `a transposed int8 convolution in ${params.groups} groups with weights per channel` : undefined;
}
