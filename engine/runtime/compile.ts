import { Node, type Block, type Graph, type Value } from '../ir/graph.ts';
import type { NodeInfo } from './operator.ts';

/** A node made ready to run: its values are numbered slots of a frame. */
export interface Instruction {
  readonly node: Node;
  readonly info: NodeInfo;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly blocks: readonly CompiledBlock[];
  /** Slots whose last use is this node, nested blocks counted; results that nobody uses are among them. */
  readonly dies: readonly number[];
}

export interface CompiledBlock {
  readonly inputs: readonly number[];
  readonly instructions: readonly Instruction[];
  readonly outputs: readonly number[];
  /** Slots that the block itself defines: those still alive at its end die there. */
  readonly defines: readonly number[];
}

export interface CompiledGraph {
  readonly graph: Graph;
  readonly body: CompiledBlock;
  readonly slots: number;
}

/** Numbers the values of a graph and finds where each dies. The graph must not change afterwards. */
export function compileGraph(graph: Graph): CompiledGraph {
  const slotOf = new Map<Value, number>();
  const define = (v: Value): number => {
    const slot = slotOf.size;
    slotOf.set(v, slot);
    return slot;
  };
  const use = (v: Value): number => {
    const slot = slotOf.get(v);
    if (slot === undefined) throw new Error(`%${v.name} is used in ${graph.name} before it is defined`);
    return slot;
  };

  const compileBlock = (block: Block): CompiledBlock => {
    const defines = block.inputs.map(define);
    const inputs = [...defines];
    const draft = block.nodes.map((node) => {
      const nodeInputs = node.inputs.map(use);
      const blocks = node.blocks.map(compileBlock);
      const outputs = node.outputs.map(define);
      defines.push(...outputs);
      return { node, inputs: nodeInputs, outputs, blocks };
    });
    const outputs = block.outputs.map(use);
    const dies = deathsIn(block, slotOf);
    const instructions = draft.map((d, i): Instruction => ({ ...d, info: infoOf(d.node), dies: dies[i]! }));
    return { inputs, instructions, outputs, defines };
  };

  const body = compileBlock(graph.block);
  return { graph, body, slots: slotOf.size };
}

function infoOf(node: Node): NodeInfo {
  return { kind: node.kind, inputTypes: node.inputs.map((v) => v.type), outputTypes: node.outputs.map((v) => v.type), attributes: node.attributes };
}

/** For each node of a block, the slots that the block defines and that no later node, nor the block's result, uses. */
function deathsIn(block: Block, slotOf: ReadonlyMap<Value, number>): number[][] {
  const indexOf = new Map<Node, number>(block.nodes.map((n, i) => [n, i]));
  const dies: number[][] = block.nodes.map(() => []);
  const lastUse = (v: Value, definedAt: number): number => {
    let last = definedAt;
    for (const { user } of v.uses) {
      const at = topNodeIn(user instanceof Node ? user : user.parent, user === block, block, indexOf);
      last = Math.max(last, at);
    }
    return last;
  };
  const place = (v: Value, definedAt: number): void => {
    const last = lastUse(v, definedAt);
    if (last >= 0 && last < block.nodes.length) dies[last]!.push(slotOf.get(v)!);
  };
  for (const v of block.inputs) place(v, -1);
  block.nodes.forEach((n, i) => { for (const v of n.outputs) place(v, i); });
  return dies;
}

/** Index of the block's own node that holds a use, nested blocks walked up; the block's length for its result. */
function topNodeIn(user: Node | null, isResult: boolean, block: Block, indexOf: ReadonlyMap<Node, number>): number {
  if (isResult) return block.nodes.length;
  let at = user;
  while (at) {
    const index = indexOf.get(at);
    if (index !== undefined) return index;
    at = at.owner.parent;
  }
  return block.nodes.length;
}
