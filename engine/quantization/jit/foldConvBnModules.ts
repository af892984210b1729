import { TensorData } from '../../ir/constant.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { convArgs } from '../../passes/convArgs.ts';
import { fuseConvBnWeights } from '../../passes/convBnWeights.ts';
import { scalarOf } from '../../passes/nodes.ts';
import type { FusionRecord } from '../../workflow/types.ts';
import { moduleClass } from './modulePatterns.ts';

const PAIRS: Readonly<Record<string, string>> = {
  'torch.nn.modules.conv.Conv2d': 'torch.nn.modules.batchnorm.BatchNorm2d',
  'torch.nn.modules.conv.Conv3d': 'torch.nn.modules.batchnorm.BatchNorm3d',
};

interface Match { readonly conv: string; readonly bn: string; readonly call: Node }

/**
 * `fuse_conv_bn_jit`: where a module calls a Conv2d child and, on its result alone, a BatchNorm2d child, the batch norm goes into the
 * convolution's weight and bias, and its call goes away. Changes the cloned tree.
 */
export function foldConvBnModules(root: ModuleObject): FusionRecord[] {
  const records: FusionRecord[] = [];
  const matchesOf = new Map<Graph, Match[]>();
  const folded = new Set<ModuleObject>();
  const convGraphs = new Set<Graph>();
  for (const [path, module] of root.namedModules()) {
    for (const name of module.type.methodNames()) {
      if (name !== 'forward' && !/^forward\d+$/.test(name)) continue;
      const graph = module.type.method(name);
      let matches = matchesOf.get(graph);
      if (!matches) matchesOf.set(graph, matches = findMatches(graph));
      for (const match of matches) {
        const conv = module.attributes.get(match.conv);
        const bn = module.attributes.get(match.bn);
        if (!(conv instanceof ModuleObject) || !(bn instanceof ModuleObject) || folded.has(conv) || !foldOne(conv, bn)) continue;
        folded.add(conv);
        useBiasAttribute(conv, convGraphs);
        const prefix = path === '' ? '' : `${path}.`;
        records.push({
          pattern: 'conv2d + batch_norm', result: 'aten::conv2d', modules: [prefix + match.conv, prefix + match.bn], opsBefore: ['aten::conv2d', 'aten::batch_norm'],
        });
      }
    }
  }
  for (const matches of matchesOf.values()) {
    for (const { call } of matches) {
      call.output.replaceAllUsesWith(call.input(1));
      call.destroy();
    }
  }
  return records;
}

/** Calls of a batch norm child on nothing but the result of a convolution child that is called once. */
function findMatches(graph: Graph): Match[] {
  const matches: Match[] = [];
  for (const call of graph.walk()) {
    const bn = childCalled(call, graph);
    const made = call.kind === 'prim::CallMethod' ? call.inputs[1]?.node : undefined;
    const conv = made ? childCalled(made, graph) : undefined;
    if (!bn || !conv || !made || call.inputs.length !== 2 || made.output.uses.length !== 1) continue;
    if (PAIRS[conv.class] !== bn.class) continue;
    const calls = [...graph.walk()].filter((n) => childCalled(n, graph)?.name === conv.name);
    if (calls.length === 1) matches.push({ conv: conv.name, bn: bn.name, call });
  }
  return matches;
}

/** The direct child of self whose forward a node calls. */
function childCalled(n: Node, graph: Graph): { name: string; class: string } | undefined {
  if (n.kind !== 'prim::CallMethod' || n.attributes.get('name') !== 'forward') return undefined;
  const get = n.input(0).node;
  const name = moduleClass(n.input(0));
  if (get?.kind !== 'prim::GetAttr' || get.input(0) !== graph.inputs[0] || name === undefined) return undefined;
  return { name: get.attributes.get('name') as string, class: name };
}

function foldOne(conv: ModuleObject, bn: ModuleObject): boolean {
  const tensor = (m: ModuleObject, name: string): TensorData | undefined => {
    const v = m.attributes.get(name);
    return v instanceof TensorData ? v : undefined;
  };
  const weight = tensor(conv, 'weight');
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((name) => tensor(bn, name));
  const eps = epsOf(bn);
  if (!weight || !gamma || !beta || !mean || !variance || eps === undefined) return false;
  const fused = fuseConvBnWeights(weight, tensor(conv, 'bias') ?? null, { weight: gamma, bias: beta, mean, variance, eps }, false, 1);
  conv.attributes.set('weight', fused.weight);
  conv.attributes.set('bias', fused.bias);
  return true;
}

/** The class constant, or what the batch_norm op of its graph is given. */
function epsOf(bn: ModuleObject): number | undefined {
  const eps = bn.attributes.get('eps') ?? bn.type.constants.get('eps');
  if (typeof eps === 'number') return eps;
  for (const n of bn.type.method('forward').walk()) {
    const v = n.kind === 'aten::batch_norm' ? scalarOf(n.inputs[7]) : undefined;
    if (typeof v === 'number') return v;
  }
  return undefined;
}

/** A convolution traced without a bias has None in its graph: it reads the attribute from now on. */
function useBiasAttribute(conv: ModuleObject, done: Set<Graph>): void {
  for (const method of conv.type.methodNames()) {
    const graph = conv.type.method(method);
    if (done.has(graph)) continue;
    done.add(graph);
    for (const n of [...graph.walk()]) {
      const args = convArgs(n);
      if (!args || args.bias.node?.kind !== 'prim::Constant') continue;
      const get = graph.create('prim::GetAttr', [graph.inputs[0]!], [T.tensor]);
      get.attributes.set('name', 'bias');
      get.output.name = 'bias';
      n.owner.insertBefore(get, n);
      n.setInput(2, get.output);
    }
  }
}
