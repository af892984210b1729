import type { Node } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { constantBefore, replaceNode, scalarOf } from '../../passes/nodes.ts';
import type { Pass } from '../../passes/pass.ts';
import { unaryOf } from '../../passes/unaryOps.ts';
import { qparamsOf } from './qparams.ts';

/**
 * Takes round trips through float32 out: quantize(dequantize(q)) with q's own qparams is q, and quantize(f(dequantize(q))) of a unary f is a table of 256
 * entries, `quantbench::unary_table(q, kind, params, scale, zero_point)`. Bit for bit the same on the `cpu` device.
 */
export const foldRequantize: Pass = {
  name: 'foldRequantize',
  run(graph, ctx) {
    let changed = false;
    for (const n of [...graph.walk()]) {
      if (n.kind !== 'aten::quantize_per_tensor') continue;
      const made = n.input(0).node;
      if (made?.kind === 'aten::dequantize') {
        if (cancels(n, made)) {
          ctx.fusions.push({ pattern: 'dequantize + quantize', result: 'nothing', modules: [n.scope], opsBefore: [made.kind, n.kind] });
          replaceNode(n, made.input(0));
          changed = true;
        }
        continue;
      }
      const unary = made ? unaryOf(made) : undefined;
      const dequantize = unary ? made!.input(0).node : undefined;
      if (!unary || !made || dequantize?.kind !== 'aten::dequantize') continue;
      const name = `dequantize + ${unary.kind} + quantize`;
      if (made.output.uses.length !== 1) {
        ctx.nearMisses.push({ pattern: name, modules: [made.scope], reason: 'the output is used in float elsewhere too' });
        continue;
      }
      const source = dequantize.input(0);
      if (qparamsOf(source)?.dtype !== scalarOf(n.inputs[3])) continue;
      const table = graph.create('quantbench::unary_table', [
        source, constantBefore(n, unary.kind, T.str), constantBefore(n, unary.params, T.list(T.float)), n.input(1), n.input(2),
      ], [T.tensor]);
      table.output.name = n.output.name;
      table.scope = made.scope;
      n.owner.insertBefore(table, n);
      n.output.replaceAllUsesWith(table.output);
      ctx.fusions.push({ pattern: name, result: 'quantbench::unary_table', modules: [made.scope], opsBefore: [dequantize.kind, made.kind, n.kind] });
      n.destroy();
      made.destroy();
      changed = true;
    }
    return changed;
  },
};

function cancels(quantize: Node, dequantize: Node): boolean {
  const q = qparamsOf(dequantize.input(0));
  const [, scale, zeroPoint, dtype] = quantize.inputs.map(scalarOf);
  return q !== undefined && q.scale === scale && q.zeroPoint === zeroPoint && q.dtype === dtype;
}
