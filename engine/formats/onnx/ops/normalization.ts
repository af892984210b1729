import { T } from '../../../ir/types.ts';
import { TensorData } from '../../../ir/constant.ts';
import { convArgs } from '../../../passes/convArgs.ts';
import { fuseConvBnWeights } from '../../../passes/convBnWeights.ts';
import { constantOf } from '../../../passes/nodes.ts';
import { float, ints, type LowerOp, type OpNode } from '../opNode.ts';
import { dimsOf, lengthOf, type TensorValue } from '../values.ts';

/** Training statistics are not made here. */
function oneOutput(n: Parameters<LowerOp>[0]): void {
  if (n.proto.output.slice(1).some((o) => o !== '' && n.lowering.usesOf(o) > 0)) throw n.unsupported('its statistics are asked for');
}

/**
 * Batch norm after a convolution that nothing else reads becomes part of its weight and bias, as PyTorch's exporters do it unless they are told not to: in one
 * flat forward there are no modules that a later pass could fold. Weights are computed when first asked for.
 */
function foldIntoConvolution(n: OpNode): TensorValue | null {
  const x = n.input(0);
  const conv = x.kind === 'tensor' ? x.value.node : undefined;
  const args = conv && convArgs(conv);
  if (!conv || !args || x.kind !== 'tensor' || n.lowering.usesOf(n.proto.input[0] ?? '') !== 1 || conv.owner !== n.lowering.block) return null;
  const [weight, bias] = [constantOf(args.weight)?.value, constantOf(args.bias)?.value];
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => { const v = n.input(i); return v.kind === 'constant' ? v.data : null; });
  if (!(weight instanceof TensorData) || !(bias === null || bias instanceof TensorData) || args.groups === undefined) return null;
  if (!gamma || !beta || !mean || !variance) return null;
  const norm = { weight: gamma, bias: beta, mean, variance, eps: Math.fround(n.float('epsilon', 1e-5)) };
  const fused = fuseConvBnWeights(weight, bias, norm, args.transposed, args.groups);
  const name = n.lowering.nameOf(weight);
  conv.setInput(1, n.lowering.constantValue(fused.weight, name));
  conv.setInput(2, n.lowering.constantValue(fused.bias, name.endsWith('.weight') ? name.replace(/weight$/, 'bias') : ''));
  return { kind: 'tensor', value: x.value, dtype: x.dtype, dims: x.dims };
}

const batchNorm: LowerOp = (n) => {
  oneOutput(n);
  const epsilon = float(n.float('epsilon', 1e-5));
  // Only the normalized tensor is asked for: the batch's own statistics, as layers without running ones have it.
  if (n.flag('training_mode', false)) return n.out(n.emit('aten::batch_norm', [n.value(0), n.value(1), n.value(2), null, null, true, float(0.1), epsilon, true]));
  const folded = foldIntoConvolution(n);
  if (folded) return folded;
  const args = [0, 1, 2, 3, 4].map((i) => n.value(i));
  return n.out(n.emit('aten::batch_norm', [...args, false, float(0.1), epsilon, true]));
};

/** The sizes that a norm from `axis` on goes over: the scale has them. */
function normalizedShape(n: Parameters<LowerOp>[0]): number[] {
  const given = n.input(1);
  const scale = dimsOf(given)?.length === 1 ? [lengthOf(given)] : dimsOf(given);
  const rank = n.dims()?.length;
  const wanted = rank === undefined ? scale?.length : rank - n.axis(n.int('axis', -1), rank);
  if (!scale || scale.length !== wanted || scale.some((d) => d === null)) throw n.unsupported('its scale does not have the sizes that it goes over');
  return scale as number[];
}

const layerNorm: LowerOp = (n) => {
  oneOutput(n);
  return n.out(n.emit('aten::layer_norm', [n.value(0), ints(normalizedShape(n)), n.value(1), n.optionalValue(2), float(n.float('epsilon', 1e-5)), true]));
};

const instanceNorm: LowerOp = (n) =>
  n.out(n.emit('aten::instance_norm', [n.value(0), n.value(1), n.value(2), null, null, true, float(0.1), float(n.float('epsilon', 1e-5)), true]));

/** Scale and bias are one number a group before opset 21, and one a channel since. */
const groupNorm: LowerOp = (n) => {
  const groups = n.requiredInt('num_groups');
  const x = n.value(0);
  const eps = float(n.float('epsilon', 1e-5));
  if (n.opset >= 21) return n.out(n.emit('aten::group_norm', [x, groups, n.value(1), n.value(2), eps, true]));
  const perGroup = n.emit('aten::floordiv', [n.emit('aten::size', [x, 1], T.int), groups], T.int);
  const spread = (i: number) => n.emit('aten::repeat_interleave', [n.value(i), perGroup, 0, null]);
  return n.out(n.emit('aten::group_norm', [x, groups, spread(1), spread(2), eps, true]));
};

export const normalizationOps: Readonly<Record<string, LowerOp>> = {
  BatchNormalization: batchNorm, LayerNormalization: layerNorm, InstanceNormalization: instanceNorm, GroupNormalization: groupNorm,
  RMSNormalization: (n) => n.out(n.emit('aten::rms_norm', [n.value(0), ints(normalizedShape(n)), n.value(1), float(n.float('epsilon', 1e-5))])),
};
