import type { Tensor } from '../../../kernels/device/device.ts';
import { gather } from '../../../kernels/ops/index_select.ts';
import { softmax } from '../../../kernels/ops/softmax.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo, runUnary, toFloat } from './elementwise.ts';
import { selectBy } from './indexing.ts';
import { number } from './promote.ts';
import { meanDims, norm, sumDims } from './reduction.ts';
import { badArgument } from './support.ts';
import { reshape, squeeze, unsqueeze } from './views.ts';

const all = (t: Tensor): number[] => t.meta.shape.map((_, i) => i);

/** torch's reduction argument: 0 none, 1 mean, 2 sum. */
function reduced(ctx: OpContext, loss: Tensor, reduction: number): Tensor {
  if (reduction === 0) return loss;
  return reduction === 1 ? meanDims(ctx, loss, all(loss), false) : sumDims(ctx, loss, all(loss), false);
}

const difference = (ctx: OpContext, a: Args): Tensor => runBinary(ctx, 'sub', a.tensor(0), a.tensor(1));

/** Square up to `beta`, straight beyond; smooth_l1_loss divides what huber_loss has by beta. */
function huber(ctx: OpContext, a: Args, beta: number, smooth: boolean): Tensor {
  const size = runUnary(ctx, difference(ctx, a), 'abs');
  if (beta === 0) return size;
  const square = runBinary(ctx, 'mul', runUnary(ctx, size, 'square'), number(smooth ? 0.5 / beta : 0.5));
  const straight = runBinary(ctx, 'mul', runBinary(ctx, 'sub', size, number(0.5 * beta)), number(smooth ? 1 : beta));
  return choose(ctx, runBinary(ctx, 'lt', size, number(beta)), square, straight);
}

const weighted = (ctx: OpContext, loss: Tensor, weight: Tensor | null): Tensor => (weight ? runBinary(ctx, 'mul', loss, weight) : loss);

/** -(y log p + (1 - y) log(1 - p)), logarithms kept from -100. */
function binaryCrossEntropy(ctx: OpContext, a: Args): Tensor {
  const log = (t: Tensor): Tensor => runUnary(ctx, runUnary(ctx, t, 'log'), 'clamp', [-100, Infinity]);
  const rest = (t: Tensor): Tensor => runBinary(ctx, 'sub', t, number(1));
  const [p, y] = [a.tensor(0), a.tensor(1)];
  const loss = runBinary(ctx, 'sub', runBinary(ctx, 'mul', rest(y), log(runUnary(ctx, rest(p), 'neg'))), runBinary(ctx, 'mul', y, log(p)));
  return reduced(ctx, weighted(ctx, loss, a.optionalTensor(2)), a.number(3));
}

/** (1 - y) x + (1 + (weight - 1) y) softplus(-x). */
function binaryCrossEntropyWithLogits(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  const soft = runUnary(ctx, runUnary(ctx, x, 'logsigmoid'), 'neg');
  const positive = a.isNone(3) ? soft
    : runBinary(ctx, 'mul', soft, runBinary(ctx, 'add', runBinary(ctx, 'mul', runBinary(ctx, 'sub', a.tensor(3), number(1)), y), number(1)));
  const loss = runBinary(ctx, 'add', runBinary(ctx, 'mul', runBinary(ctx, 'sub', number(1), y), x), positive);
  return reduced(ctx, weighted(ctx, loss, a.optionalTensor(2)), a.number(4));
}

/** torch.kl_div: y (log y - x), or exp(y) (y - x) where the target is a logarithm; 0 where y is 0. */
function klDivergence(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  if (a.bool(3)) return reduced(ctx, runBinary(ctx, 'mul', runUnary(ctx, y, 'exp'), runBinary(ctx, 'sub', y, x)), a.number(2));
  const entropy = choose(ctx, runBinary(ctx, 'gt', y, number(0)), runBinary(ctx, 'mul', y, runUnary(ctx, y, 'log')), y);
  return reduced(ctx, runBinary(ctx, 'sub', entropy, runBinary(ctx, 'mul', x, y)), a.number(2));
}

/** Minus the logarithm of the target's class, [N, C, ...] and [N, ...] or [C] and []; classes weigh as `weight` says, `ignore` counts for nothing. */
function negativeLogLikelihood(ctx: OpContext, logs: Tensor, target: Tensor, weight: Tensor | null, reduction: number, ignore: number): Tensor {
  const dim = logs.meta.shape.length === 1 ? 0 : 1;
  const counted = runBinary(ctx, 'ne', target, { value: ignore, dtype: 'int64' });
  const safe = choose(ctx, counted, target, { value: 0, dtype: 'int64' });
  const own = squeeze(ctx, ctx.run(gather, [logs, unsqueeze(ctx, safe, dim)], { dim })[0]!, [dim]);
  const ones = weight ? selectBy(ctx, weight, 0, safe) : number(1);
  const share = choose(ctx, counted, ones, number(0));
  const loss = runUnary(ctx, runBinary(ctx, 'mul', own, share), 'neg');
  if (reduction === 0) return loss;
  const total = sumDims(ctx, loss, all(loss), false);
  return reduction === 2 ? total : divide(ctx, total, sumDims(ctx, share, all(share), false));
}

/** torch.cross_entropy: class indices, or probabilities where the target is a float; label smoothing spreads a part over all classes. */
function crossEntropy(ctx: OpContext, a: Args): Tensor {
  const [x, target, weight] = [a.tensor(0), a.tensor(1), a.optionalTensor(2)];
  const dim = x.meta.shape.length === 1 ? 0 : 1;
  const logs = ctx.run(softmax, [x], { dim, log: true })[0]!;
  const smoothing = a.number(5);
  if (!isFloat(target.meta.dtype)) {
    if (smoothing !== 0) throw badArgument(a.op, 'label smoothing of class indices is not computed here');
    return negativeLogLikelihood(ctx, logs, target, weight, a.number(3), a.number(4));
  }
  const classes = x.meta.shape[dim]!;
  const soft = smoothing === 0 ? target
    : runBinary(ctx, 'add', runBinary(ctx, 'mul', target, number(1 - smoothing)), number(smoothing / classes));
  const shaped = weight ? reshape(ctx, weight, x.meta.shape.map((d, i) => (i === dim ? d : 1))) : null;
  const loss = runUnary(ctx, sumDims(ctx, weighted(ctx, runBinary(ctx, 'mul', logs, soft), shaped), [dim], false), 'neg');
  return reduced(ctx, loss, a.number(3));
}

const positive = (ctx: OpContext, t: Tensor): Tensor => runUnary(ctx, t, 'relu');

/** max(0, d(a, p) - d(a, n) + margin), distances of p-norms of differences with eps added. */
function tripletLoss(ctx: OpContext, a: Args): Tensor {
  const distance = (x: Tensor, y: Tensor): Tensor => {
    const difference = runBinary(ctx, 'add', runBinary(ctx, 'sub', x, y), number(a.number(5)));
    return norm(ctx, difference, a.number(4), [difference.meta.shape.length - 1], false);
  };
  const [anchor, near, far] = [a.tensor(0), a.tensor(1), a.tensor(2)];
  const away = distance(anchor, far);
  const least = a.bool(6) ? runBinary(ctx, 'minimum', away, distance(near, far)) : away;
  const loss = runBinary(ctx, 'add', runBinary(ctx, 'sub', distance(anchor, near), least), number(a.number(3)));
  return reduced(ctx, positive(ctx, loss), a.number(7));
}

/** Loss functions, which models that are exported with their training head return beside the logits. */
export const lossOperators = operators({
  'aten::mse_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor': (ctx, a) => reduced(ctx, runUnary(ctx, difference(ctx, a), 'square'), a.number(2)),
  'aten::l1_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor': (ctx, a) => reduced(ctx, runUnary(ctx, difference(ctx, a), 'abs'), a.number(2)),
  'aten::smooth_l1_loss(Tensor self, Tensor target, int reduction=Mean, float beta=1.0) -> Tensor': (ctx, a) => reduced(ctx, huber(ctx, a, a.number(3), true), a.number(2)),
  'aten::huber_loss(Tensor self, Tensor target, int reduction=Mean, float delta=1.0) -> Tensor': (ctx, a) => reduced(ctx, huber(ctx, a, a.number(3), false), a.number(2)),
  'aten::binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean) -> Tensor': binaryCrossEntropy,
  ['aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=Mean) '
    + '-> Tensor']: binaryCrossEntropyWithLogits,
  'aten::kl_div(Tensor self, Tensor target, int reduction=Mean, *, bool log_target=False) -> Tensor': klDivergence,
  'aten::nll_loss_nd(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100) -> Tensor': (ctx, a) =>
    negativeLogLikelihood(ctx, a.tensor(0), a.tensor(1), a.optionalTensor(2), a.number(3), a.number(4)),
  ['aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100, float label_smoothing=0.0) '
    + '-> Tensor']: crossEntropy,
  'aten::hinge_embedding_loss(Tensor self, Tensor target, float margin=1., int reduction=1) -> Tensor': (ctx, a) => {
    const [x, y] = [a.tensor(0), a.tensor(1)];
    const far = positive(ctx, runBinary(ctx, 'sub', number(a.number(2)), x));
    return reduced(ctx, choose(ctx, runBinary(ctx, 'eq', y, number(1)), x, choose(ctx, runBinary(ctx, 'eq', y, number(-1)), far, number(0))), a.number(3));
  },
  'aten::margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0., int reduction=1) -> Tensor': (ctx, a) => {
    const apart = runBinary(ctx, 'mul', runUnary(ctx, toFloat(ctx, a.tensor(2)), 'neg'), runBinary(ctx, 'sub', a.tensor(0), a.tensor(1)));
    return reduced(ctx, positive(ctx, runBinary(ctx, 'add', apart, number(a.number(3)))), a.number(4));
  },
  ['aten::triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1., float p=2., float eps=9.9999999999999995e-07, bool swap=False, '
    + 'int reduction=1) -> Tensor']: tripletLoss,
  'aten::soft_margin_loss(Tensor self, Tensor target, int reduction=1) -> Tensor': (ctx, a) => {
    const signed = runUnary(ctx, runBinary(ctx, 'mul', a.tensor(0), castTo(ctx, a.tensor(1), 'float32')), 'logsigmoid');
    return reduced(ctx, runUnary(ctx, signed, 'neg'), a.number(2));
  },
});
