import { QuantbenchError } from '../../kernels/errors.ts';
import type { Graph } from '../ir/graph.ts';
import { isSupported } from '../runtime/operators/index.ts';
import type { OpenModel } from './models.ts';
import type { UnsupportedOp } from './types.ts';

/** Operators of a graph that cannot run, all at once, with the modules that use each. */
export function unsupportedOps(graph: Graph): UnsupportedOp[] {
  const found = new Map<string, { count: number; modules: Set<string> }>();
  for (const n of graph.walk()) {
    if (n.kind === 'prim::Constant' || isSupported(n.kind)) continue;
    const entry = found.get(n.kind) ?? { count: 0, modules: new Set<string>() };
    entry.count++;
    entry.modules.add(n.scope || '(top)');
    found.set(n.kind, entry);
  }
  return [...found].map(([op, { count, modules }]) => ({ op, count, modules: [...modules] }));
}

/** Null where the model's calls cannot be followed before it runs: module by module it may run all the same. */
function frozenGraph(model: OpenModel): Graph | null {
  try {
    return model.stages().frozen;
  } catch (e) {
    if (e instanceof QuantbenchError && e.code === 'INLINE_UNRESOLVED') return null;
    throw e;
  }
}

/**
 * Refuses a model before anything of it runs, where one of its operators surely will and cannot. One that stands in a branch alone may never be met.
 * @throws QuantbenchError OPERATOR_UNSUPPORTED naming every unsupported operator and its modules
 */
export function checkSupported(model: OpenModel): void {
  const frozen = frozenGraph(model);
  if (!frozen || frozen.nodes.every((n) => n.kind === 'prim::Constant' || isSupported(n.kind))) return;
  const unsupported = unsupportedOps(frozen);
  const list = unsupported.map(({ op, modules }) => `${op} in ${modules.slice(0, 5).join(', ')}${modules.length > 5 ? ` and ${modules.length - 5} more` : ''}`);
  throw new QuantbenchError('OPERATOR_UNSUPPORTED', `${model.name} uses ${unsupported.length === 1 ? 'an operator that is' : `${unsupported.length} operators that are`} not supported: ${list.join('; ')}`,
    'Write these modules with other operators, or export the model with another opset or exporter.', { unsupported });
}
