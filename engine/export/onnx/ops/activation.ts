import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/** An op of one input that ONNX has by another name. */
const unary = (type: string): OpExport => (c) => c.b.op(type, [c.x(0)]);
const dimOf = (c: OpCall, i: number): number => c.dim(i, c.item(0).rank);

const clamp = (low: number, high: number): OpExport => (c) => c.clip(c.x(0), c.isNone(low) ? undefined : c.num(low), c.isNone(high) ? undefined : c.num(high));

const hardsigmoid = (c: OpCall): string => c.b.op('HardSigmoid', [c.x(0)], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
const hardswish: OpExport = (c) => (c.b.opset >= 14 ? c.b.op('HardSwish', [c.x(0)]) : c.b.op('Mul', [c.x(0), hardsigmoid(c)]));
const silu: OpExport = (c) => c.b.op('Mul', [c.x(0), c.b.op('Sigmoid', [c.x(0)])]);
const mish: OpExport = (c) => (c.b.opset >= 18 ? c.b.op('Mish', [c.x(0)]) : c.b.op('Mul', [c.x(0), c.b.op('Tanh', [c.b.op('Softplus', [c.x(0)])])]));

const gelu: OpExport = (c) => {
  const x = c.x(0);
  const isTanh = !c.isNone(1) && c.str(1) === 'tanh';
  if (c.b.opset >= 20) return c.b.op('Gelu', [x], { approximate: isTanh ? 'tanh' : 'none' });
  const half = (inner: string): string => c.b.op('Mul', [c.b.op('Mul', [x, c.b.op('Add', [inner, c.b.scalar(1)])]), c.b.scalar(0.5)]);
  if (!isTanh) return half(c.b.op('Erf', [c.b.op('Div', [x, c.b.scalar(Math.SQRT2)])]));
  const cube = c.b.op('Mul', [c.b.op('Mul', [x, x]), x]);
  const inner = c.b.op('Add', [x, c.b.op('Mul', [cube, c.b.scalar(0.044715)])]);
  return half(c.b.op('Tanh', [c.b.op('Mul', [inner, c.b.scalar(Math.sqrt(2 / Math.PI))])]));
};

const leaky = (slope: number): OpExport => (c) => c.b.op('LeakyRelu', [c.x(0)], { alpha: { float: c.num(slope) } });

/** scale * elu(x) with alpha; PyTorch scales the input of the exponential too. */
const elu = (at: number): OpExport => (c) => {
  const [alpha, scale, inputScale] = [c.num(at, 1), c.num(at + 1, 1), c.num(at + 2, 1)];
  if (inputScale !== 1) throw new Unexportable(`elu with an input_scale of ${inputScale}`);
  const y = c.b.op('Elu', [c.x(0)], { alpha: { float: alpha } });
  return scale === 1 ? y : c.b.op('Mul', [y, c.b.scalar(scale)]);
};

const celu = (at: number): OpExport => (c) => c.b.op('Celu', [c.x(0)], { alpha: { float: c.num(at, 1) } });

/** A slope for each channel of dimension 1: in the file it must broadcast from the right. */
const prelu: OpExport = (c) => {
  const [x, w] = [c.item(0), c.item(1)];
  const slope = x.rank > 2 && w.shape[0] !== 1 ? c.b.op('Reshape', [c.b.value(w), c.b.ints([w.shape[0]!, ...new Array<number>(x.rank - 2).fill(1)])]) : c.b.value(w);
  return c.b.op('PRelu', [c.x(0), slope]);
};

const softplus: OpExport = (c) => {
  const beta = c.num(1, 1);
  if (beta === 1) return c.b.op('Softplus', [c.x(0)]);
  return c.b.op('Div', [c.b.op('Softplus', [c.b.op('Mul', [c.x(0), c.b.scalar(beta)])]), c.b.scalar(beta)]);
};

const threshold: OpExport = (c) => c.b.op('Where', [c.b.op('Greater', [c.x(0), c.b.scalar(c.num(1))]), c.x(0), c.b.scalar(c.num(2))]);

const glu: OpExport = (c) => {
  const axis = dimOf(c, 1);
  const half = c.size(c.item(0), axis) / 2;
  const [a, gate] = c.b.ops('Split', [c.x(0), c.b.ints([half, half])], 2, { axis }) as [string, string];
  return c.b.op('Mul', [a, c.b.op('Sigmoid', [gate])]);
};

const UNARY: Readonly<Record<string, string>> = {
  relu: 'Relu', sigmoid: 'Sigmoid', tanh: 'Tanh', exp: 'Exp', log: 'Log', sqrt: 'Sqrt', abs: 'Abs', neg: 'Neg', erf: 'Erf', sin: 'Sin', cos: 'Cos', tan: 'Tan', atan: 'Atan',
  asin: 'Asin', acos: 'Acos', sinh: 'Sinh', cosh: 'Cosh', floor: 'Floor', ceil: 'Ceil', round: 'Round', reciprocal: 'Reciprocal', sign: 'Sign', softsign: 'Softsign', isnan: 'IsNaN',
};

export const ACTIVATION: OpTable = {
  ...Object.fromEntries(Object.entries(UNARY).map(([name, type]) => [`aten::${name}`, unary(type)])),
  'quantized::relu': unary('Relu'), 'quantized::sigmoid': unary('Sigmoid'),
  'aten::relu6': (c) => c.clip(c.x(0), 0, 6), 'quantized::relu6': (c) => c.clip(c.x(0), 0, 6),
  'aten::hardtanh': clamp(1, 2), 'aten::clamp': clamp(1, 2), 'aten::clip': clamp(1, 2), 'quantized::clamp': clamp(1, 2),
  'aten::clamp_min': (c) => c.clip(c.x(0), c.num(1), undefined), 'aten::clamp_max': (c) => c.clip(c.x(0), undefined, c.num(1)),
  'aten::hardsigmoid': hardsigmoid, 'aten::hardswish': hardswish, 'quantized::hardswish': hardswish,
  'aten::silu': silu, 'aten::mish': mish, 'aten::gelu': gelu,
  'aten::leaky_relu': leaky(1), 'quantized::leaky_relu': leaky(1),
  'aten::elu': elu(1), 'quantized::elu': elu(3), 'aten::celu': celu(1), 'quantized::celu': celu(3), 'aten::selu': unary('Selu'),
  'aten::prelu': prelu, 'quantized::prelu': prelu, 'aten::softplus': softplus, 'aten::threshold': threshold, 'quantized::threshold': threshold, 'aten::glu': glu,
  'aten::log_sigmoid': (c) => c.b.op('Neg', [c.b.op('Softplus', [c.b.op('Neg', [c.x(0)])])]),
  'aten::square': (c) => c.b.op('Mul', [c.x(0), c.x(0)]),
  'aten::rsqrt': (c) => c.b.op('Reciprocal', [c.b.op('Sqrt', [c.x(0)])]),
  'aten::log1p': (c) => c.b.op('Log', [c.b.op('Add', [c.x(0), c.b.scalar(1)])]),
  'aten::expm1': (c) => c.b.op('Sub', [c.b.op('Exp', [c.x(0)]), c.b.scalar(1)]),
  'aten::log2': (c) => c.b.op('Div', [c.b.op('Log', [c.x(0)]), c.b.scalar(Math.LN2)]),
  'aten::log10': (c) => c.b.op('Div', [c.b.op('Log', [c.x(0)]), c.b.scalar(Math.LN10)]),
  'aten::tanhshrink': (c) => c.b.op('Sub', [c.x(0), c.b.op('Tanh', [c.x(0)])]),
  'aten::hardshrink': (c) => c.b.op('Shrink', [c.x(0)], { lambd: { float: c.num(1, 0.5) }, bias: { float: 0 } }),
  'aten::softshrink': (c) => c.b.op('Shrink', [c.x(0)], { lambd: { float: c.num(1, 0.5) }, bias: { float: c.num(1, 0.5) } }),
  'aten::softmax': (c) => c.b.op('Softmax', [c.x(0)], { axis: dimOf(c, 1) }), 'aten::_softmax': (c) => c.b.op('Softmax', [c.x(0)], { axis: dimOf(c, 1) }),
  'quantized::softmax': (c) => c.b.op('Softmax', [c.x(0)], { axis: dimOf(c, 1) }),
  'aten::log_softmax': (c) => c.b.op('LogSoftmax', [c.x(0)], { axis: dimOf(c, 1) }), 'aten::_log_softmax': (c) => c.b.op('LogSoftmax', [c.x(0)], { axis: dimOf(c, 1) }),
};
