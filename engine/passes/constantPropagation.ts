import { TensorData, type Constant } from '../ir/constant.ts';
import { Node, type Block, type Graph, type Value } from '../ir/graph.ts';
import { tensorTypeOf } from '../ir/tensorType.ts';
import { mutatedValues } from './aliases.ts';
import { evaluateNode, isEvaluable } from './evaluate.ts';
import { evaluateOnTensors, isTensorFoldable } from './evaluateTensor.ts';
import { constantOf, mutatesInput, spliceBlock, takePlace } from './nodes.ts';
import type { Pass } from './pass.ts';

/**
 * Computes ops whose inputs are constants, on numbers, lists and tensors alike, takes the branch of a prim::If whose condition is known, and
 * drops loops that do not run. As in PyTorch's freeze, what a model computes from its parameters alone (a table of relative positions) is computed once.
 */
export const constantPropagation: Pass = {
  name: 'constantPropagation',
  run(graph) {
    return visitBlock(graph.block, graph, mutatedValues(graph));
  },
};

function visitBlock(block: Block, graph: Graph, mutated: (v: Value) => boolean): boolean {
  let changed = false;
  // The list grows while a taken branch is spliced in, so the end is looked up every time.
  for (let i = 0; i < block.nodes.length; i++) {
    const n = block.nodes[i]!;
    if (n.kind === 'prim::If') {
      const condition = constantOf(n.input(0))?.value;
      if (typeof condition === 'boolean' || typeof condition === 'number') {
        spliceBlock(n, n.blocks[condition ? 0 : 1]!);
        i--;
        changed = true;
        continue;
      }
    }
    if (n.kind === 'prim::Loop' && (constantOf(n.input(0))?.value === 0 || constantOf(n.input(1))?.value === false)) {
      n.outputs.forEach((o, k) => { o.replaceAllUsesWith(n.input(k + 2)); });
      n.destroy();
      i--;
      changed = true;
      continue;
    }
    for (const b of n.blocks) if (visitBlock(b, graph, mutated)) changed = true;
    if (foldNode(n, graph, mutated)) changed = true;
  }
  return changed;
}

/** Puts a prim::Constant in the place of a node whose value is known. */
function foldNode(n: Node, graph: Graph, mutated: (v: Value) => boolean): boolean {
  if (n.outputs.length !== 1 || n.kind === 'prim::Constant') return false;
  const onTensors = isTensorFoldable(n);
  if (!onTensors && !isEvaluable(n.kind)) return false;
  const args: Constant[] = [];
  for (const input of n.inputs) {
    const c = knownValue(input);
    if (!c) return false;
    args.push(c.value);
  }
  // A list or tensor that the program changes later is not a constant.
  if (n.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index))) return false;
  let value = isEvaluable(n.kind) ? evaluateNode(n, args) : undefined;
  if (value === undefined && onTensors && !mutated(n.output) && !n.inputs.some(mutated)) value = evaluateOnTensors(n, args);
  if (value === undefined) return false;
  const constant = graph.constant(value, value === null ? { kind: 'None' } : value instanceof TensorData ? tensorTypeOf(value) : unwrapOptional(n));
  takePlace(constant, n);
  n.destroy();
  return true;
}

/** The constant that an input is, or the list of constants that it is made of: lists of tensors are no constants of their own. */
function knownValue(v: Value): { readonly value: Constant } | undefined {
  const own = constantOf(v);
  if (own || v.node?.kind !== 'prim::ListConstruct' || v.node.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index))) return own;
  const elements = v.node.inputs.map(constantOf);
  return elements.every((e) => e !== undefined) ? { value: elements.map((e) => e.value) } : undefined;
}

function unwrapOptional(n: Node) {
  const t = n.output.type;
  return t.kind === 'Optional' ? t.element : t;
}
