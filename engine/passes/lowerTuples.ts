import { constantOf } from './nodes.ts';
import { Node, type Graph } from '../ir/graph.ts';
import { T, type Type } from '../ir/types.ts';
import { mutatesInput } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Takes tuples and lists that are made and at once taken apart out of the program: unpack of construct, index of construct. */
export const lowerTuples: Pass = {
  name: 'lowerTuples',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) if (lower(n, graph)) changed = true;
    return changed;
  },
};

function lower(n: Node, graph: Graph): boolean {
  switch (n.kind) {
    case 'prim::TupleUnpack': case 'prim::ListUnpack': return unpack(n, graph);
    case 'prim::TupleIndex': case 'aten::__getitem__': return index(n);
    default: return false;
  }
}

/** A construct whose elements are still what they were. */
function constructOf(n: Node, kind: string): Node | undefined {
  const made = n.input(0).node;
  if (made?.kind !== kind) return undefined;
  return made.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index)) ? undefined : made;
}

function unpack(n: Node, graph: Graph): boolean {
  const made = constructOf(n, n.kind === 'prim::TupleUnpack' ? 'prim::TupleConstruct' : 'prim::ListConstruct');
  if (made && made.inputs.length === n.outputs.length) {
    n.outputs.forEach((o, i) => { o.replaceAllUsesWith(made.input(i)); });
    n.destroy();
    return true;
  }
  const known = constantOf(n.input(0))?.value;
  if (!Array.isArray(known) || known.length !== n.outputs.length) return false;
  n.outputs.forEach((o, i) => {
    const c = graph.constant(known[i] as never, elementType(n.input(0).type, i));
    n.owner.insertBefore(c, n);
    o.replaceAllUsesWith(c.output);
  });
  n.destroy();
  return true;
}

function index(n: Node): boolean {
  const made = constructOf(n, n.kind === 'prim::TupleIndex' ? 'prim::TupleConstruct' : 'prim::ListConstruct');
  const i = constantOf(n.inputs[1])?.value;
  if (!made || typeof i !== 'number') return false;
  const element = made.inputs[i < 0 ? i + made.inputs.length : i];
  if (!element) return false;
  n.output.replaceAllUsesWith(element);
  n.destroy();
  return true;
}

function elementType(t: Type, i: number): Type {
  if (t.kind === 'Tuple') return t.elements[i] ?? T.any;
  return t.kind === 'List' ? t.element : T.any;
}
