import { QuantbenchError } from '../../kernels/errors.ts';
import { Node, type Block, type Graph, type Value } from './graph.ts';

/** A value with more uses, such as a constant of a large model, has its users looked up in a set: searching the list for each use takes too long. */
const FEW_USES = 16;

/**
 * Checks that a graph is well formed: every use is of a value in scope and made before, the lists of uses agree with the inputs, every output has a
 * type, blocks of prim::If and prim::Loop have the shapes that those want. Called between stages, so that a pass that breaks a graph is named.
 * @param stage what has just run, for the message
 * @throws IR_INVALID naming node and stage
 */
export function verifyGraph(graph: Graph, stage: string): void {
  const bad = (node: Node | null, what: string): QuantbenchError =>
    new QuantbenchError('IR_INVALID', `graph ${graph.name} is not valid after ${stage}: ${node ? `${describe(node)}: ` : ''}${what}`,
      'This is a defect of Quantbench. Please report it with the model.', { stage, node: node?.kind ?? '' });
  const seen = new Set<Node>();
  // One set for all blocks: what a block declares leaves it when the block ends.
  const scope = new Set<Value>();
  const users = new Map<Value, Set<Node | Block>>();

  const checkUses = (v: Value, owner: Node | Block, node: Node | null): void => {
    if (v.owner !== owner) throw bad(node, `%${v.name} belongs to another node`);
    if (v.type === undefined) throw bad(node, `%${v.name} has no type`);
    for (const u of v.uses) {
      const inputs = u.user instanceof Node ? u.user.inputs : u.user.outputs;
      if (inputs[u.index] !== v) throw bad(node, `%${v.name} lists a use that is not there`);
    }
  };

  const knows = (v: Value, user: Node | Block, index: number): boolean => {
    if (v.uses.length <= FEW_USES) return v.uses.some((u) => u.user === user && u.index === index);
    let known = users.get(v);
    if (!known) users.set(v, known = new Set(v.uses.map((u) => u.user)));
    return known.has(user);
  };

  const checkInput = (v: Value, user: Node | Block, index: number, node: Node | null): void => {
    if (!scope.has(v)) throw bad(node, `input ${index} (%${v.name || '?'}, made by ${v.node?.kind ?? 'a block'}) is not in scope or is made later`);
    if (!knows(v, user, index)) throw bad(node, `input ${index} (%${v.name || '?'}) does not know of this use`);
  };

  const checkBlock = (block: Block): void => {
    if (block.graph !== graph) throw bad(block.parent, 'a block belongs to another graph');
    const declared: Value[] = [];
    const declare = (v: Value, owner: Node | Block, node: Node | null): void => {
      checkUses(v, owner, node);
      scope.add(v);
      declared.push(v);
    };
    for (const v of block.inputs) declare(v, block, block.parent);
    for (const node of block.nodes) {
      if (seen.has(node)) throw bad(node, 'stands in the graph twice');
      seen.add(node);
      if (node.owner !== block) throw bad(node, 'stands in another block than it says');
      node.inputs.forEach((v, i) => { checkInput(v, node, i, node); });
      for (const b of node.blocks) {
        if (b.parent !== node) throw bad(node, 'has a block of another node');
        checkBlock(b);
      }
      checkShape(node, bad);
      for (const v of node.outputs) declare(v, node, node);
    }
    block.outputs.forEach((v, i) => { checkInput(v, block, i, block.parent); });
    for (const v of declared) scope.delete(v);
  };
  checkBlock(graph.block);
}

function describe(node: Node): string {
  const outputs = node.outputs.map((v) => `%${v.name || '?'}`).join(', ');
  return `${outputs}${outputs ? ' = ' : ''}${node.kind}`;
}

function checkShape(node: Node, bad: (node: Node, what: string) => QuantbenchError): void {
  const n = node.outputs.length;
  if (node.kind === 'prim::If') {
    if (node.blocks.length !== 2 || node.inputs.length !== 1) throw bad(node, `has ${node.blocks.length} blocks and ${node.inputs.length} inputs, wants 2 and 1`);
    for (const b of node.blocks) {
      if (b.inputs.length > 0) throw bad(node, 'has a branch with inputs');
      if (b.outputs.length !== n) throw bad(node, `has ${n} outputs and a branch that returns ${b.outputs.length}`);
    }
  } else if (node.kind === 'prim::Loop') {
    const body = node.blocks[0];
    if (!body || node.blocks.length !== 1) throw bad(node, `has ${node.blocks.length} blocks, wants 1`);
    if (node.inputs.length !== n + 2 || body.inputs.length !== n + 1 || body.outputs.length !== n + 1) {
      throw bad(node, `carries ${n} values, but has ${node.inputs.length} inputs, ${body.inputs.length} block inputs and ${body.outputs.length} block outputs`);
    }
  } else if (node.kind === 'prim::Constant') {
    if (n !== 1 || node.inputs.length > 0) throw bad(node, `has ${n} outputs and ${node.inputs.length} inputs, wants 1 and 0`);
  }
}
