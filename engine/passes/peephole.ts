import { T } from '../ir/types.ts';
import { constantBefore, constantOf, numbersOf, replaceNode } from './nodes.ts';
import type { Node } from '../ir/graph.ts';
import type { Pass } from './pass.ts';

/** Small local rewritings, a rule a kind. A rule changes the node and says whether it did. */
const RULES: Readonly<Record<string, (n: Node) => boolean>> = {
  'aten::__is__': (n) => isNone(n, false),
  'aten::__isnot__': (n) => isNone(n, true),
  'prim::unchecked_cast': (n) => forward(n),
  'prim::unchecked_unwrap_optional': (n) => n.input(0).type.kind !== 'Optional' && forward(n),
  'aten::_unwrap_optional': (n) => n.input(0).type.kind !== 'Optional' && forward(n),
  'aten::detach': (n) => forward(n),
  'quantbench::observe': observeOptional,
  'prim::If': resultsOfBranches,
  'aten::len': lengthOfConstruct,
  'aten::transpose': swapTwice,
  'aten::permute': identityPermutation,
};

export const peephole: Pass = {
  name: 'peephole',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) if (RULES[n.kind]?.(n)) changed = true;
    return changed;
  },
};

function forward(n: Node): boolean {
  replaceNode(n, n.input(0));
  return true;
}

/** What an observer is shown may be None (an attention mask that was not given): then nothing is observed, and whoever asks must hear that it is None. */
function observeOptional(n: Node): boolean {
  const x = n.input(0);
  if (isNoneValue(x)) return forward(n);
  if (x.type.kind !== 'Optional' || n.output.type.kind === 'Optional') return false;
  n.output.type = x.type;
  return true;
}

/** `x is None` where the types alone answer; `x is y` is asked of what observers were shown, which they hand on. */
function isNone(n: Node, negated: boolean): boolean {
  n.inputs.forEach((v, i) => { if (v.node?.kind === 'quantbench::observe') n.setInput(i, v.node.input(0)); });
  const [a, b] = [n.input(0), n.input(1)];
  const x = isNoneValue(a) ? b : isNoneValue(b) ? a : undefined;
  if (!x || x.type.kind === 'Optional' || x.type.kind === 'Any') return false;
  const same = x.type.kind === 'None';
  replaceNode(n, constantBefore(n, same !== negated, T.bool));
  return true;
}

function isNoneValue(v: Node['inputs'][number]): boolean {
  return v.type.kind === 'None' || constantOf(v)?.value === null;
}

/** Results of a prim::If that both branches agree on, or that are its condition: (a and False), (c and True). */
function resultsOfBranches(n: Node): boolean {
  const [yes, no] = n.blocks;
  let changed = false;
  for (let i = n.outputs.length - 1; i >= 0; i--) {
    const o = n.outputs[i]!;
    const [a, b] = [yes!.outputs[i]!, no!.outputs[i]!];
    const [x, y] = [constantOf(a), constantOf(b)];
    let by: Node['inputs'][number] | undefined;
    if (a === b) by = a;
    else if (x && y && isPlain(x.value) && x.value === y.value) by = constantBefore(n, x.value, a.type);
    else if (x?.value === true && y?.value === false) by = n.input(0);
    if (!by) continue;
    o.replaceAllUsesWith(by);
    n.removeOutput(i);
    yes!.removeOutput(i);
    no!.removeOutput(i);
    changed = true;
  }
  return changed;
}

const isPlain = (v: unknown): boolean => v === null || typeof v !== 'object';

/** Length of a list that was just made and never changed. */
function lengthOfConstruct(n: Node): boolean {
  const made = n.input(0).node;
  if (made?.kind !== 'prim::ListConstruct' || numbersOf(n.input(0)) === undefined) return false;
  replaceNode(n, constantBefore(n, made.inputs.length, T.int));
  return true;
}

/** transpose(transpose(x, a, b), a, b) is x. */
function swapTwice(n: Node): boolean {
  const first = n.input(0).node;
  if (first?.kind !== 'aten::transpose') return false;
  const dims = (t: Node): string => [constantOf(t.inputs[1])?.value, constantOf(t.inputs[2])?.value].sort().join(',');
  if (dims(n) !== dims(first) || constantOf(n.inputs[1]) === undefined) return false;
  replaceNode(n, first.input(0));
  return true;
}

function identityPermutation(n: Node): boolean {
  const dims = numbersOf(n.inputs[1]);
  if (!dims?.every((d, i) => d === i)) return false;
  return forward(n);
}
