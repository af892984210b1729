import { numel } from '../../../../kernels/tensor.ts';
import { float, ints, type LowerOp } from '../opNode.ts';

/** aten function of the input alone. */
const plain = (kind: string): LowerOp => (n) => n.out(n.emit(kind, [n.value(0)]));
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6;

/** Clip: bounds as attributes before opset 11, as inputs since. [0, 6] is PyTorch's ReLU6. */
const clip: LowerOp = (n) => {
  const x = n.value(0);
  const bound = (i: number, attribute: string): number | null | undefined => {
    if (n.opset < 11) return n.has(attribute) ? n.float(attribute, 0) : null;
    return n.optional(i) ? n.known(i) ?? undefined : null;
  };
  const [low, high] = [bound(1, 'min'), bound(2, 'max')];
  if (low === undefined || high === undefined) {
    const raised = n.optional(1) ? n.emit('aten::maximum', [x, n.value(1)]) : x;
    return n.out(n.optional(2) ? n.emit('aten::minimum', [raised, n.value(2)]) : raised);
  }
  const isFloat = n.dtype().startsWith('float');
  const number = (v: number | null) => (v === null || Math.abs(v) > 3.4e38 ? null : isFloat ? float(v) : v);
  if (low === 0 && high === 6 && isFloat) return n.out(n.emit('aten::hardtanh', [x, float(0), float(6)]));
  if (low === null && high === null) return n.out(x);
  return n.out(n.emit('aten::clamp', [x, number(low), number(high)]));
};

/** PyTorch's slope is one number a channel; ONNX's broadcasts from the right. */
const prelu: LowerOp = (n) => {
  const [x, slope] = [n.value(0), n.input(1)];
  if (slope.kind === 'constant') {
    const { shape } = slope.data;
    const perChannel = shape.length === (n.dims()?.length ?? 0) - 1 && shape.slice(1).every((d) => d === 1);
    if (numel(shape) === 1 || perChannel) return n.out(n.emit('aten::prelu', [x, shape.length === 1 ? n.asTensor(slope) : n.emit('aten::reshape', [n.asTensor(slope), ints([-1])])]));
  }
  return n.out(n.emit('aten::where', [n.emit('aten::gt', [x, 0]), x, n.emit('aten::mul', [x, n.asTensor(slope)])]));
};

/** Before opset 13 softmax saw its input as a matrix, all dimensions from `axis` on taken together. */
const softmax = (kind: string): LowerOp => (n) => {
  const x = n.value(0);
  const dims = n.dims();
  if (n.opset >= 13) return n.out(n.emit(kind, [x, n.int('axis', -1), null]));
  const axis = n.axis(n.int('axis', 1));
  if (dims && axis === dims.length - 1) return n.out(n.emit(kind, [x, axis, null]));
  return n.out(n.emit('aten::reshape_as', [n.emit(kind, [n.emit('aten::flatten', [x, axis, -1]), axis, null]), x]));
};

export const activationOps: Readonly<Record<string, LowerOp>> = {
  Relu: plain('aten::relu'), Sigmoid: plain('aten::sigmoid'), Tanh: plain('aten::tanh'), HardSwish: plain('aten::hardswish'), Mish: plain('aten::mish'),
  LeakyRelu: (n) => n.out(n.emit('aten::leaky_relu', [n.value(0), float(n.float('alpha', 0.01))])),
  HardSigmoid: (n) => {
    const [alpha, beta] = [n.float('alpha', 0.2), n.float('beta', 0.5)];
    if (close(alpha, 1 / 6) && close(beta, 0.5)) return n.out(n.emit('aten::hardsigmoid', [n.value(0)]));
    return n.out(n.emit('aten::clamp', [n.emit('aten::add', [n.emit('aten::mul', [n.value(0), float(alpha)]), float(beta), 1]), float(0), float(1)]));
  },
  Elu: (n) => n.out(n.emit('aten::elu', [n.value(0), float(n.float('alpha', 1)), float(1), float(1)])),
  Celu: (n) => n.out(n.emit('aten::celu', [n.value(0), float(n.float('alpha', 1))])),
  Selu: (n) => {
    const [alpha, gamma] = [n.float('alpha', 1.6732632423543772), n.float('gamma', 1.0507009873554805)];
    if (close(alpha, 1.6732632423543772) && close(gamma, 1.0507009873554805)) return n.out(n.emit('aten::selu', [n.value(0)]));
    return n.out(n.emit('aten::elu', [n.value(0), float(alpha), float(gamma), float(1)]));
  },
  Gelu: (n) => n.out(n.emit('aten::gelu', [n.value(0), n.string('approximate', 'none')])),
  Swish: (n) => {
    const alpha = n.float('alpha', 1);
    if (alpha === 1) return n.out(n.emit('aten::silu', [n.value(0)]));
    return n.out(n.emit('aten::mul', [n.value(0), n.emit('aten::sigmoid', [n.emit('aten::mul', [n.value(0), float(alpha)])])]));
  },
  PRelu: prelu,
  Clip: clip,
  Softplus: (n) => n.out(n.emit('aten::softplus', [n.value(0), 1, 20])),
  Softsign: (n) => n.out(n.emit('aten::softsign', [n.value(0)])),
  ThresholdedRelu: (n) => n.out(n.emit('aten::threshold', [n.value(0), float(n.float('alpha', 1)), float(0)])),
  Shrink: (n) => {
    const [lambd, bias, x] = [n.float('lambd', 0.5), n.float('bias', 0), n.value(0)];
    const low = n.emit('aten::where', [n.emit('aten::lt', [x, float(-lambd)]), n.emit('aten::add', [x, float(bias), 1]), float(0)]);
    return n.out(n.emit('aten::where', [n.emit('aten::gt', [x, float(lambd)]), n.emit('aten::sub', [x, float(bias), 1]), low]));
  },
  Softmax: softmax('aten::softmax'),
  LogSoftmax: softmax('aten::log_softmax'),
};
