import { Node, type Graph } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { calledFunction, replaceCall } from '../../passes/inline.ts';
import { constantBefore, constantOf, scalarOf, takePlace } from '../../passes/nodes.ts';
import { passContext } from '../../passes/pass.ts';
import { removeListMutation } from '../../passes/removeListMutation.ts';
import { replaceConvolution } from '../../passes/replaceConvolution.ts';
import { useFastAttention } from './fastAttention.ts';
import { functionName, isPropagateQuant, isQuantizable, isUserFunction } from './quantizableOps.ts';

/**
 * Brings the graphs of a cloned module tree into the form that observer placement looks for (`preprocess` of insert_observers.cpp): aten::linear instead
 * of F.linear or its parts, aten::conv2d instead of aten::_convolution, lists made whole, nn.MultiheadAttention as it runs without gradients. A function
 * with quantizable ops inside is inlined, since it has no module to hold their observers; PyTorch refuses it.
 */
export function preprocessModules(root: ModuleObject): void {
  const done = new Set<Graph>();
  for (const [, module] of root.namedModules()) {
    for (const name of module.type.methodNames()) {
      const graph = module.type.method(name);
      if (done.has(graph)) continue;
      done.add(graph);
      const ctx = passContext(module);
      if (name === 'forward' && useFastAttention(module, graph)) continue;
      inlineQuantizableFunctions(graph);
      swapFunctionalLinear(graph);
      fuseLinear(graph);
      replaceConvolution.run(graph, ctx);
      // As in PyTorch: a call between the appends might change the list, as far as it can tell.
      if (![...graph.walk()].some((n) => n.kind === 'prim::CallMethod' || n.kind === 'prim::CallFunction')) removeListMutation.run(graph, ctx);
    }
  }
}

function inlineQuantizableFunctions(graph: Graph): void {
  const visit = (nodes: readonly Node[], depth: number): void => {
    for (const n of nodes) {
      const g = isUserFunction(n) ? calledFunction(n) : undefined;
      if (g && depth < 50 && holdsQuantizable(g, new Set())) visit(allOf(replaceCall(n, g, n.inputs.slice(1), n.scope)), depth + 1);
    }
  };
  visit([...graph.walk()], 0);
}

const allOf = (nodes: readonly Node[]): Node[] => nodes.flatMap((n) => [n, ...n.blocks.flatMap((b) => [...b.walk()])]);

function holdsQuantizable(graph: Graph, seen: Set<Graph>): boolean {
  if (seen.has(graph)) return false;
  seen.add(graph);
  return [...graph.walk()].some((n) => {
    if (isQuantizable(n) || functionName(n) === 'linear') return true;
    if (isPropagateQuant(n) && n.outputs[0]?.type.kind === 'Tensor') return true;
    const g = isUserFunction(n) ? calledFunction(n) : undefined;
    return g !== undefined && holdsQuantizable(g, seen);
  });
}

/** F.linear(x, w, b) becomes aten::linear(x, w, b). */
function swapFunctionalLinear(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    if (functionName(n) !== 'linear') continue;
    replaceByLinear(n, n, n.input(1), n.input(2), n.inputs[3]);
  }
}

/** matmul(x, w.t()) and addmm(b, x, w.t()), with or without a bias added, are aten::linear taken apart (FuseLinear of fuse_linear.h). */
function fuseLinear(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    if (n.kind === 'aten::addmm') {
      const t = transposed(n.input(2));
      if (t && scalarOf(n.inputs[3]) === 1 && scalarOf(n.inputs[4]) === 1) replaceByLinear(n, n, n.input(1), t.input(0), n.input(0));
    } else if (n.kind === 'aten::matmul') {
      const t = transposed(n.input(1));
      if (!t) continue;
      const add = n.output.uses.length === 1 ? n.output.uses[0]!.user : undefined;
      if (add instanceof Node && /^aten::add_?$/.test(add.kind) && add.input(0) === n.output && scalarOf(add.inputs[2]) === 1 && isBiasLike(add)) {
        replaceByLinear(add, n, n.input(0), t.input(0), add.input(1));
      } else replaceByLinear(n, n, n.input(0), t.input(0), undefined);
    }
  }
}

function transposed(v: Node['inputs'][number]): Node | undefined {
  return v.node?.kind === 'aten::t' ? v.node : undefined;
}

/** The second operand of the add is a parameter, not another activation. */
function isBiasLike(add: Node): boolean {
  return add.input(1).node?.kind === 'prim::GetAttr' || constantOf(add.input(1)) !== undefined;
}

function replaceByLinear(last: Node, first: Node, x: Node['inputs'][number], w: Node['inputs'][number], b: Node['inputs'][number] | undefined): void {
  const bias = b ?? constantBefore(last, null, T.none);
  const linear = last.graph.create('aten::linear', [x, w, bias], [T.tensor]);
  linear.output.type = last.output.type;
  takePlace(linear, last);
  last.destroy();
  if (first !== last) first.destroy();
}
