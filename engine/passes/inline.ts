import { QuantbenchError } from '../../kernels/errors.ts';
import { Graph, type Node, type Value } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { copyNodes, moduleOf, type ModuleRef } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Nodes that all calls together may add: functions that call others twice each grow without end. */
const MOST_NODES = 100_000;
/** Calls within calls deeper than this are taken for a recursion that the names do not show. */
const DEEPEST = 200;

/**
 * Puts the callee's nodes in place of every prim::CallMethod and prim::CallFunction. Nodes get the dotted path of their module as scope. Throws
 * INLINE_RECURSION where a method calls itself, INLINE_TOO_LARGE, INLINE_UNRESOLVED where the module called is not known before the program runs.
 */
export const inline: Pass = {
  name: 'inline',
  run(graph, ctx) {
    return new Inliner(graph, ctx.module).run();
  },
};

/** The graph that a prim::CallFunction runs: the attribute `graph` of the node, or of the function constant that it calls. */
export function calledFunction(n: Node): Graph | undefined {
  const g: unknown = n.attributes.get('graph') ?? n.inputs[0]?.node?.attributes.get('graph');
  return g instanceof Graph ? g : undefined;
}

/** Puts a copy of the callee's nodes in place of a call; `path` goes before their scopes. Returns the copies of its top-level nodes. */
export function replaceCall(call: Node, callee: Graph, args: readonly Value[], path: string): Node[] {
  const map = new Map<Value, Value>();
  callee.inputs.forEach((v, i) => { map.set(v, args[i]!); });
  const start = call.owner.indexOf(call);
  copyNodes(callee.block, call, map, path);
  const inserted = call.owner.nodes.slice(start, call.owner.indexOf(call));
  call.outputs.forEach((o, i) => {
    const result = callee.outputs[i]!;
    o.replaceAllUsesWith(map.get(result) ?? result);
  });
  call.destroy();
  return inserted;
}

class Inliner {
  readonly #graph: Graph;
  readonly #root: ModuleObject;
  readonly #modules = new Map<Value, ModuleRef>();
  #added = 0;

  constructor(graph: Graph, root: ModuleObject) {
    this.#graph = graph;
    this.#root = root;
  }

  run(): boolean {
    const calls = this.#callsIn(this.#graph);
    for (const call of calls) this.#expand(call, []);
    return calls.length > 0;
  }

  #callsIn(graph: Graph): Node[] {
    return [...graph.walk()].filter((n) => n.kind === 'prim::CallMethod' || n.kind === 'prim::CallFunction');
  }

  #expand(call: Node, stack: readonly string[]): void {
    const { callee, path, label, args } = call.kind === 'prim::CallMethod' ? this.#method(call) : this.#function(call);
    if (stack.includes(label) || stack.length > DEEPEST) {
      throw new QuantbenchError('INLINE_RECURSION', `${label} calls itself: ${[...stack, label].join(' -> ')}`,
        'Recursive methods cannot be optimized; rewrite the model without recursion.');
    }
    this.#added += callee.block.nodes.length;
    if (this.#added > MOST_NODES) {
      throw new QuantbenchError('INLINE_TOO_LARGE', `the calls of ${this.#graph.name} make more than ${MOST_NODES} nodes`, 'No model is this large: check that its file is intact.');
    }
    for (const n of replaceCall(call, callee, args, path)) {
      for (const inner of [n, ...n.blocks.flatMap((b) => [...b.walk()])]) {
        if (inner.kind === 'prim::CallMethod' || inner.kind === 'prim::CallFunction') this.#expand(inner, [...stack, label]);
      }
    }
  }

  #method(call: Node): { callee: Graph; path: string; label: string; args: readonly Value[] } {
    const name = call.attributes.get('name') as string;
    const target = this.#resolve(call.input(0)) ?? createdObject(call.input(0));
    if (!target) {
      throw new QuantbenchError('INLINE_UNRESOLVED', `the module whose ${name} is called in ${call.scope || 'the top module'} is not known before the model runs`,
        'Call submodules by name; modules kept in lists or chosen at run time cannot be optimized.');
    }
    return { callee: target.module.type.method(name), path: target.path, label: `${target.module.type.name}(${target.path}).${name}`, args: call.inputs };
  }

  #function(call: Node): { callee: Graph; path: string; label: string; args: readonly Value[] } {
    const callee = calledFunction(call);
    if (!callee) {
      throw new QuantbenchError('INLINE_UNRESOLVED', `a function called in ${call.scope || 'the top module'} has no code`, 'Check that the model file is intact.');
    }
    return { callee, path: call.scope, label: `function ${callee.name}`, args: call.inputs.slice(1) };
  }

  #resolve(v: Value): ModuleRef | undefined {
    const known = this.#modules.get(v);
    if (known) return known;
    const found = moduleOf(v, this.#graph.inputs[0], this.#root);
    if (found) this.#modules.set(v, found);
    return found;
  }
}

/** An object that the program itself makes: its class is known, its attributes are not. */
function createdObject(v: Value): ModuleRef | undefined {
  const prototype = v.node?.kind === 'prim::CreateObject' ? v.node.attributes.get('prototype') : undefined;
  return prototype instanceof ModuleObject ? { module: prototype, path: '' } : undefined;
}
