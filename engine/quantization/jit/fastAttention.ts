import { TensorData } from '../../ir/constant.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { demangle, ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { constantOf, scalarOf } from '../../passes/nodes.ts';

const ATTENTION = 'torch.nn.modules.activation.MultiheadAttention';

/**
 * Brings self-attention that was traced with gradients on into the form that PyTorch runs, and quantizes, with gradients off: nn.MultiheadAttention then
 * calls aten::_native_multi_head_attention, whose projections stay float32. Only where its conditions hold (`why_not_fast_path`): batch first, one input,
 * a bias, an even number of heads, no mask, no attention weights asked for. Models with an attention of their own are not touched.
 */
export function useFastAttention(module: ModuleObject, graph: Graph): boolean {
  if (demangle(module.type.name) !== ATTENTION || graph.inputs.length !== 2 || graph.outputs.length !== 1) return false;
  const [self, x] = graph.inputs as [Value, Value];
  const weight = module.attributes.get('in_proj_weight');
  const out = module.attributes.get('out_proj');
  if (!(weight instanceof TensorData) || !(module.attributes.get('in_proj_bias') instanceof TensorData) || !(out instanceof ModuleObject)) return false;
  if (!(out.attributes.get('weight') instanceof TensorData) || !(out.attributes.get('bias') instanceof TensorData)) return false;
  const heads = headsOf(graph);
  if (heads === undefined || heads % 2 !== 0) return false;
  if (!swapsBatch(x.uses.length === 1 ? x.uses[0]!.user : undefined) || !swapsBatch(graph.outputs[0]!.node)) return false;

  const { block } = graph;
  const append = (n: Node): Value => block.append(n).output;
  const attribute = (of: Value, name: string, type = T.tensor): Value => {
    const get = graph.create('prim::GetAttr', [of], [type]);
    get.attributes.set('name', name);
    get.output.name = name;
    return append(get);
  };
  const name = graph.outputs[0]!.name;
  block.destroyContents();
  const projection = attribute(self, 'out_proj', T.cls(out.type.name));
  const args = [x, x, x, append(graph.constant(weight.shape[1]!, T.int)), append(graph.constant(heads, T.int)),
    attribute(self, 'in_proj_weight'), attribute(self, 'in_proj_bias'), attribute(projection, 'weight'), attribute(projection, 'bias')];
  const none = append(graph.constant(null, T.none));
  const [needWeights, averageWeights] = [append(graph.constant(false, T.bool)), append(graph.constant(true, T.bool))];
  const attention = graph.create('aten::_native_multi_head_attention', [...args, none, needWeights, averageWeights, none], [T.tensor, T.tensor]);
  attention.output.name = name;
  block.append(attention);
  block.addOutput(attention.output);
  return true;
}

/** The number of heads that the slow path cuts its queries into: view(q, [batch, heads, length, size]). Undefined for other graphs. */
function headsOf(graph: Graph): number | undefined {
  const nodes = [...graph.walk()];
  const attention = nodes.filter((n) => n.kind === 'aten::scaled_dot_product_attention');
  if (attention.length !== 1 || nodes.some((n) => n.blocks.length > 0) || nodes.filter((n) => n.kind === 'aten::linear').length !== 2) return undefined;
  const [sdpa] = attention as [Node];
  const plain = constantOf(sdpa.inputs[3])?.value === null && scalarOf(sdpa.inputs[4]) === 0 && scalarOf(sdpa.inputs[5]) === false;
  const view = sdpa.input(0).node;
  const size = view?.kind === 'aten::view' ? view.input(1).node : undefined;
  const heads = size?.kind === 'prim::ListConstruct' && size.inputs.length === 4 ? scalarOf(size.inputs[1]) : undefined;
  return plain && typeof heads === 'number' ? heads : undefined;
}

/** The slow path works on [length, batch, channels]: batch-first modules swap the two before and after. */
function swapsBatch(n: object | null | undefined): boolean {
  const node = n as Node | null | undefined;
  return node?.kind === 'aten::transpose' && [scalarOf(node.inputs[1]), scalarOf(node.inputs[2])].sort().join() === '0,1';
}
