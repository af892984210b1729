import { T } from '../../../ir/types.ts';
import { float, ints, type LowerOp } from '../opNode.ts';

/** x / (bias + alpha / size * sum of squares of `size` channels around) ^ beta. */
const localResponse: LowerOp = (n) => {
  const size = n.requiredInt('size');
  const channels = n.dims()?.[1];
  if (size < 1) throw n.invalid(`its size is ${size}`);
  if (size > 64) throw n.unsupported(`it sums ${size} channels`);
  if (channels === null || channels === undefined) throw n.unsupported('the number of channels is not known');
  const before = Math.floor((size - 1) / 2);
  const pads = [...new Array<number>(2 * (n.rank() - 2)).fill(0), before, size - 1 - before];
  const padded = n.emit('aten::constant_pad_nd', [n.emit('aten::mul', [n.value(0), n.value(0)]), ints(pads), float(0)]);
  const part = (i: number) => n.emit('aten::slice', [padded, 1, i, i + channels, 1]);
  let sum = part(0);
  for (let i = 1; i < size; i++) sum = n.emit('aten::add', [sum, part(i), 1]);
  const scaled = n.emit('aten::add', [n.emit('aten::mul', [sum, float(n.float('alpha', 1e-4) / size)]), float(n.float('bias', 1)), 1]);
  return n.out(n.emit('aten::div', [n.value(0), n.emit('aten::pow', [scaled, float(n.float('beta', 0.75))])]));
};

/** x over its 1- or 2-norm along an axis. */
const lpNorm: LowerOp = (n) => {
  const [p, axis, x] = [n.int('p', 2), ints([n.int('axis', -1)]), n.value(0)];
  if (p !== 1 && p !== 2) throw n.invalid(`p is ${p}`);
  const powers = p === 1 ? n.emit('aten::abs', [x]) : n.emit('aten::mul', [x, x]);
  const sum = n.emit('aten::sum', [powers, axis, true, null]);
  const norm = p === 1 ? sum : n.emit('aten::sqrt', [sum]);
  // Nothing over nothing is 0.
  return n.out(n.emit('aten::div', [x, n.emit('aten::where', [n.emit('aten::eq', [norm, float(0)]), float(1), norm])]));
};

/** (x - mean) / (standard deviation + 1e-9) over some axes. */
const meanVariance: LowerOp = (n) => {
  const [axes, x] = [ints(n.ints('axes') ?? [0, 2, 3]), n.value(0)];
  const centred = n.emit('aten::sub', [x, n.emit('aten::mean', [x, axes, true, null]), 1]);
  const deviation = n.emit('aten::sqrt', [n.emit('aten::mean', [n.emit('aten::mul', [centred, centred]), axes, true, null])]);
  return n.out(n.emit('aten::div', [centred, n.emit('aten::add', [deviation, float(1e-9), 1])]));
};

/** 1 at the first largest element along an axis, 0 elsewhere. Before opset 13 all dimensions from `axis` on were one. */
const hardmax: LowerOp = (n) => {
  const dims = n.dims();
  const axis = n.opset >= 13 || !dims ? n.int('axis', -1) : n.axis(n.int('axis', 1));
  if (n.opset < 13 && dims && axis !== dims.length - 1) throw n.unsupported('it goes over several dimensions at once');
  const x = n.value(0);
  const at = n.emit('aten::argmax', [x, axis, true]);
  return n.out(n.emit('aten::scatter', [n.emit('aten::zeros_like', [x, null, null, null, null, null], T.tensor), axis, at, float(1)]));
};

export const localNormOps: Readonly<Record<string, LowerOp>> = {
  LRN: localResponse, LpNormalization: lpNorm, MeanVarianceNormalization: meanVariance, Hardmax: hardmax,
};
