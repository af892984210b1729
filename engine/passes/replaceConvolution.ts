import { T } from '../ir/types.ts';
import type { Node } from '../ir/graph.ts';
import { convArgs } from './convArgs.ts';
import { scalarOf, takePlace } from './nodes.ts';
import type { Pass } from './pass.ts';

/**
 * `aten::_convolution` of traced models becomes aten::conv1d/2d/3d or aten::conv_transpose1d/2d/3d, as `replaceConvolutionWithAtenConv` of PyTorch's
 * quantization passes does.
 */
export const replaceConvolution: Pass = {
  name: 'replaceConvolution',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) if (replaceOne(n)) changed = true;
    return changed;
  },
};

function replaceOne(n: Node): boolean {
  if (n.kind !== 'aten::_convolution' && n.kind !== 'aten::convolution') return false;
  const args = convArgs(n);
  if (!args || (!args.transposed && !zeroOutputPadding(n))) return false;
  // input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...
  const [input, weight, bias, stride, padding, dilation, , outputPadding, groups] = n.inputs as Node['inputs'];
  const inputs = args.transposed
    ? [input!, weight!, bias!, stride!, padding!, outputPadding!, groups!, dilation!]
    : [input!, weight!, bias!, stride!, padding!, dilation!, groups!];
  const conv = n.graph.create(`aten::conv${args.transposed ? '_transpose' : ''}${args.dims}d`, inputs, [T.tensor]);
  conv.output.type = n.output.type;
  takePlace(conv, n);
  n.destroy();
  return true;
}

/** Output padding means nothing unless transposed; anything else than zeros would be a malformed model. */
function zeroOutputPadding(n: Node): boolean {
  const c = n.input(7).node;
  if (c?.kind === 'prim::ListConstruct') return c.inputs.every((v) => scalarOf(v) === 0);
  const value = c?.attributes.get('value');
  return Array.isArray(value) && value.every((v) => v === 0);
}
