import { numel } from '../../../../kernels/tensor.ts';
import { toRowMajor } from '../../../../kernels/layout.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/** layer_norm(x, normalized_shape, weight, bias, eps): one op from opset 17 on, else its formula. */
const layerNorm: OpExport = (c) => {
  const axes = c.nums(1).map((_, i, all) => i - all.length);
  const weight = c.isNone(2) ? c.b.constant('float32', c.nums(1), new Float32Array(numel(c.nums(1))).fill(1)) : c.x(2);
  const bias = c.isNone(3) ? '' : c.x(3);
  const epsilon = c.num(4, 1e-5);
  if (c.b.opset >= 17) return c.b.op('LayerNormalization', bias === '' ? [c.x(0), weight] : [c.x(0), weight, bias], { axis: axes[0]!, epsilon: { float: epsilon } });
  const scaled = c.b.op('Mul', [normalized(c, axes, epsilon), weight]);
  return bias === '' ? scaled : c.b.op('Add', [scaled, bias]);
};

/** (x - mean) / sqrt(var + eps) */
function normalized(c: OpCall, axes: readonly number[], epsilon: number): string {
  const centred = c.b.op('Sub', [c.x(0), c.reduce('ReduceMean', c.x(0), axes, true)]);
  const variance = c.reduce('ReduceMean', c.b.op('Mul', [centred, centred]), axes, true);
  return c.b.op('Div', [centred, c.b.op('Sqrt', [c.b.op('Add', [variance, c.b.scalar(epsilon)])])]);
}

const rmsNorm: OpExport = (c) => {
  const axes = c.nums(1).map((_, i, all) => i - all.length);
  const square = c.reduce('ReduceMean', c.b.op('Mul', [c.x(0), c.x(0)]), axes, true);
  const y = c.b.op('Div', [c.x(0), c.b.op('Sqrt', [c.b.op('Add', [square, c.b.scalar(c.num(3, 2 ** -23))])])]);
  return c.isNone(2) ? y : c.b.op('Mul', [y, c.x(2)]);
};

/** A constant of one value a channel. */
function channels(c: OpCall, i: number): Float32Array | undefined {
  if (c.isNone(i)) return undefined;
  const { constant } = c.item(i);
  if (!constant) throw new Unexportable(`argument ${i} is computed`);
  return Float32Array.from(toRowMajor(constant));
}

/** Running statistics, weight and bias as one factor and one offset a channel. `at`: mean, variance, epsilon. */
const batchNorm = (at: { mean: number; variance: number; epsilon: number }): OpExport => (c) => {
  const [mean, variance] = [channels(c, at.mean), channels(c, at.variance)];
  if (!mean || !variance) throw new Unexportable('batch statistics');
  const [weight, bias] = [channels(c, 1), channels(c, 2)];
  const epsilon = c.num(at.epsilon);
  const factor = mean.map((_, i) => (weight?.[i] ?? 1) / Math.sqrt(variance[i]! + epsilon));
  const offset = mean.map((m, i) => (bias?.[i] ?? 0) - m * factor[i]!);
  const shape = [mean.length, ...new Array<number>(c.item(0).rank - 2).fill(1)];
  const y = c.b.op('Add', [c.b.op('Mul', [c.x(0), c.b.constant('float32', shape, factor)]), c.b.constant('float32', shape, offset)]);
  return c.kind.endsWith('_relu') ? c.b.op('Relu', [y]) : y;
};
const quantizedBatchNorm = batchNorm({ mean: 3, variance: 4, epsilon: 5 });

/** Groups as channels of an instance norm; weight and bias a channel. */
const groupNorm = (at: { weight: number; epsilon: number }): OpExport => (c) => {
  const groups = c.num(1);
  const t = c.item(0);
  const spatial = t.shape.slice(2).map((_, i) => c.size(t, i + 2));
  const channelCount = c.size(t, 1);
  const grouped = c.b.op('Reshape', [c.x(0), c.b.ints([0, groups, -1])]);
  const ones = c.b.constant('float32', [groups], new Float32Array(groups).fill(1));
  const zeros = c.b.constant('float32', [groups], new Float32Array(groups));
  const y = c.b.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: c.num(at.epsilon) } });
  return affine(c, c.b.op('Reshape', [y, c.b.ints([-1, channelCount, ...spatial])]), at.weight, spatial.length);
};

const instanceNorm = (at: { epsilon: number }): OpExport => (c) => {
  const t = c.item(0);
  const count = c.size(t, 1);
  const fill = (i: number, v: number): string => (c.isNone(i) ? c.b.constant('float32', [count], new Float32Array(count).fill(v)) : c.x(i));
  return c.b.op('InstanceNormalization', [c.x(0), fill(1, 1), fill(2, 0)], { epsilon: { float: c.num(at.epsilon) } });
};

function affine(c: OpCall, x: string, at: number, spatial: number): string {
  const shape = (i: number): string => c.b.op('Reshape', [c.x(i), c.b.ints([-1, ...new Array<number>(spatial).fill(1)])]);
  const scaled = c.isNone(at) ? x : c.b.op('Mul', [x, shape(at)]);
  return c.isNone(at + 1) ? scaled : c.b.op('Add', [scaled, shape(at + 1)]);
}

export const NORMALIZATION: OpTable = {
  'aten::layer_norm': layerNorm, 'quantized::layer_norm': layerNorm, 'aten::rms_norm': rmsNorm,
  'aten::batch_norm': batchNorm({ mean: 3, variance: 4, epsilon: 7 }),
  ...Object.fromEntries(['', '1d', '2d', '3d'].flatMap((n) => [[`quantized::batch_norm${n}`, quantizedBatchNorm], [`quantized::batch_norm${n}_relu`, quantizedBatchNorm]])),
  'aten::group_norm': groupNorm({ weight: 2, epsilon: 4 }), 'quantized::group_norm': groupNorm({ weight: 2, epsilon: 4 }),
  'aten::instance_norm': instanceNorm({ epsilon: 7 }), 'quantized::instance_norm': instanceNorm({ epsilon: 3 }),
};
