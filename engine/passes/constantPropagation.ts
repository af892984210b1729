import { numel } from '../../kernels/tensor.ts';
import { TensorData, type Constant } from '../ir/constant.ts';
import { Node, type Block, type Graph, type Value } from '../ir/graph.ts';
import { tensorTypeOf } from '../ir/tensorType.ts';
import { tooLarge } from '../runtime/limits.ts';
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
    return visitBlock(graph.block, graph, { mutated: mutatedValues(graph), reserve: foldBudget(graph) });
  },
};

/** What visiting a block needs to know: values that the program changes, and what may still be computed. */
interface Folding { readonly mutated: (v: Value) => boolean; readonly reserve: (elements: number) => void }

/** Elements that folding has computed in a graph, over all its rounds. */
const folded = new WeakMap<Graph, number>();
/** Of a model without weights: some positions, some masks. */
const LEAST_FOLDED = 1 << 22;
/** A model computes some elements from each of its weights (tables of relative positions); a program of many large constants would take all memory. */
const FOLDED_PER_WEIGHT = 16;

/** Throws RUNTIME_TOO_LARGE where folding in a graph has computed more than its weights explain: what is left is computed at each run. */
function foldBudget(graph: Graph): Folding['reserve'] {
  let weights = 0;
  for (const n of graph.walk()) {
    const value = n.kind === 'prim::Constant' ? n.attributes.get('value') : undefined;
    if (value instanceof TensorData && !value.computed) weights += numel(value.shape);
  }
  const most = LEAST_FOLDED + FOLDED_PER_WEIGHT * weights;
  return (elements) => {
    const spent = (folded.get(graph) ?? 0) + elements;
    if (spent > most) throw tooLarge(`folding computes more than ${most} elements`);
    folded.set(graph, spent);
  };
}

function visitBlock(block: Block, graph: Graph, folding: Folding): boolean {
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
    for (const b of n.blocks) if (visitBlock(b, graph, folding)) changed = true;
    if (foldNode(n, graph, folding)) changed = true;
  }
  return changed;
}

/** Puts a prim::Constant in the place of a node whose value is known. */
function foldNode(n: Node, graph: Graph, { mutated, reserve }: Folding): boolean {
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
  if (value === undefined && onTensors && !mutated(n.output) && !n.inputs.some(mutated)) value = evaluateOnTensors(n, args, reserve);
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
