import { TensorData } from '../ir/constant.ts';
import type { Node, Value } from '../ir/graph.ts';
import { tensorTypeOf } from '../ir/tensorType.ts';
import { T } from '../ir/types.ts';
import { fuseConvBnWeights } from './convBnWeights.ts';
import { convArgs } from './convArgs.ts';
import { constantBefore, constantOf, replaceNode } from './nodes.ts';
import type { Pass, PassContext } from './pass.ts';

/**
 * Batch norm after a convolution becomes part of its weight and bias, `%self.conv.weight_fused_bn`, as in PyTorch's frozen graphs. Only where all of
 * its parameters are constants, it is not training, and nothing else uses the convolution's result.
 */
export const foldConvBn: Pass = {
  name: 'foldConvBn',
  run(graph, ctx) {
    let changed = false;
    for (const n of [...graph.walk()]) if (n.kind === 'aten::batch_norm' && fold(n, ctx)) changed = true;
    return changed;
  },
};

function fold(bn: Node, ctx: PassContext): boolean {
  const conv = bn.input(0).node;
  const args = conv ? convArgs(conv) : undefined;
  if (!conv || !args) return false;
  const miss = (reason: string): boolean => {
    ctx.nearMisses.push({ pattern: `${shortName(conv)} + batch_norm`, modules: [conv.scope, bn.scope], reason });
    return false;
  };
  if (conv.output.uses.length !== 1) return miss('the output of the convolution is used elsewhere too');
  if (conv.owner !== bn.owner) return miss('the two ops lie in different branches');
  if (constantOf(bn.inputs[5])?.value) return miss('the batch norm is training');
  const tensor = (v: Value | undefined): TensorData | null | undefined => {
    const c = constantOf(v);
    return c === undefined || !(c.value === null || c.value instanceof TensorData) ? undefined : c.value;
  };
  const weight = tensor(args.weight);
  const bias = tensor(args.bias);
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => tensor(bn.inputs[i]));
  const eps = constantOf(bn.inputs[7])?.value;
  if (!weight || bias === undefined || gamma === undefined || beta === undefined || !mean || !variance || typeof eps !== 'number' || args.groups === undefined) {
    return miss('weight or statistics are not constants');
  }
  const channels = args.transposed ? weight.shape[1]! * args.groups : weight.shape[0]!;
  if (mean.shape[0] !== channels) return miss(`the convolution has ${channels} channels, the batch norm ${mean.shape[0]}`);
  const fused = fuseConvBnWeights(weight, bias, { weight: gamma, bias: beta, mean, variance, eps }, args.transposed, args.groups);
  conv.setInput(1, constantBefore(conv, fused.weight, tensorTypeOf(fused.weight), `${args.weight.name}_fused_bn`));
  const biasName = bias ? args.bias.name : `self.${conv.scope === '' ? '' : `${conv.scope}.`}bias`;
  conv.setInput(2, constantBefore(conv, fused.bias, tensorTypeOf(fused.bias), `${biasName}_fused_bn`));
  ctx.fusions.push({
    pattern: `${shortName(conv)} + batch_norm`, result: conv.kind, modules: [conv.scope, bn.scope], opsBefore: [conv.kind, bn.kind],
  });
  conv.output.type = T.tensor;
  replaceNode(bn, conv.output);
  return true;
}

/** `conv2d` for any convolution of two dimensions. */
function shortName(conv: Node): string {
  const args = convArgs(conv);
  return args ? `conv${args.transposed ? '_transpose' : ''}${args.dims}d` : conv.kind.replace('aten::', '');
}
