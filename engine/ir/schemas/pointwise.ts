/** Elementwise operators on tensors, as in native_functions.yaml. */

/** Those that take one tensor and nothing else; each has an in-place form. */
const UNARY = [
  'abs', 'neg', 'exp', 'exp2', 'expm1', 'log', 'log2', 'log10', 'log1p', 'sqrt', 'rsqrt', 'square', 'reciprocal', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh',
  'tanh', 'sigmoid', 'erf', 'erfc', 'floor', 'ceil', 'round', 'trunc', 'frac', 'sign', 'relu', 'relu6', 'selu', 'silu', 'mish', 'hardswish', 'hardsigmoid', 'logical_not', 'bitwise_not',
];

const inPlace = (schema: string): string[] => {
  const written = schema.replace(/aten::(\w+)/, 'aten::$1_').replace('Tensor self', 'Tensor(a!) self').replace(/-> Tensor$/, '-> Tensor(a!)');
  return [schema, written];
};

const compare = (name: string): string[] => [
  `aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`, `aten::${name}.Scalar(Tensor self, Scalar other) -> Tensor`,
  `aten::${name}_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)`, `aten::${name}_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)`,
];

const bitwise = (name: string): string[] => [`aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`, `aten::${name}.Scalar(Tensor self, Scalar other) -> Tensor`];

export const POINTWISE_SCHEMAS: readonly string[] = [
  ...UNARY.flatMap((n) => inPlace(`aten::${n}(Tensor self) -> Tensor`)),
  ...['add', 'sub'].flatMap((n) => [
    ...inPlace(`aten::${n}.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`), ...inPlace(`aten::${n}.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor`),
  ]),
  'aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor', 'aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor',
  ...['mul', 'multiply', 'div', 'true_divide', 'floor_divide', 'remainder', 'fmod'].flatMap((n) => [
    ...inPlace(n === 'floor_divide' ? `aten::${n}(Tensor self, Tensor other) -> Tensor` : `aten::${n}.Tensor(Tensor self, Tensor other) -> Tensor`),
    ...inPlace(`aten::${n}.Scalar(Tensor self, Scalar other) -> Tensor`),
  ]),
  ...inPlace('aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor'),
  ...inPlace('aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor'),
  // torch.nn.functional writes to `out=` where its caller gave one.
  ...['add', 'sub'].map((n) => `aten::${n}.out(Tensor self, Tensor other, *, Scalar alpha=1, Tensor(a!) out) -> Tensor(a!)`),
  ...['mul', 'div'].map((n) => `aten::${n}.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)`),
  'aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor', 'aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor', 'aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor',
  'aten::pow_.Scalar(Tensor(a!) self, Scalar exponent) -> Tensor(a!)', 'aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)',
  ...['eq', 'ne', 'lt', 'gt', 'le', 'ge'].flatMap(compare),
  ...['__and__', '__or__', '__xor__', 'bitwise_and', 'bitwise_or', 'bitwise_xor', '__lshift__', '__rshift__'].flatMap(bitwise),
  'aten::logical_and(Tensor self, Tensor other) -> Tensor', 'aten::logical_or(Tensor self, Tensor other) -> Tensor', 'aten::logical_xor(Tensor self, Tensor other) -> Tensor',
  'aten::maximum(Tensor self, Tensor other) -> Tensor', 'aten::minimum(Tensor self, Tensor other) -> Tensor', 'aten::max.other(Tensor self, Tensor other) -> Tensor',
  'aten::min.other(Tensor self, Tensor other) -> Tensor', 'aten::atan2(Tensor self, Tensor other) -> Tensor', 'aten::isnan(Tensor self) -> Tensor', 'aten::isinf(Tensor self) -> Tensor',
  'aten::isfinite(Tensor self) -> Tensor', 'aten::round.decimals(Tensor self, *, int decimals) -> Tensor',
  ...inPlace('aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor'), ...inPlace('aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor'),
  ...inPlace('aten::clamp_min(Tensor self, Scalar min) -> Tensor'), ...inPlace('aten::clamp_max(Tensor self, Scalar max) -> Tensor'),
  ...inPlace('aten::clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor'),
  ...inPlace('aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor'), ...inPlace('aten::celu(Tensor self, Scalar alpha=1.0) -> Tensor'),
  ...inPlace('aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor'), ...inPlace('aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor'),
  ...inPlace("aten::gelu(Tensor self, *, str approximate='none') -> Tensor"), ...inPlace('aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor'),
  'aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor', 'aten::softshrink(Tensor self, Scalar lambd=0.5) -> Tensor', 'aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor',
  'aten::log_sigmoid(Tensor self) -> Tensor', 'aten::logit(Tensor self, float? eps=None) -> Tensor', 'aten::prelu(Tensor self, Tensor weight) -> Tensor', 'aten::glu(Tensor self, int dim=-1) -> Tensor',
  'aten::rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, Generator? generator=None) -> Tensor', 'aten::softsign(Tensor self) -> Tensor',
  'aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor', 'aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor',
  'aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor', 'aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor', 'aten::where(Tensor condition) -> Tensor[]',
  ...inPlace('aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor'), ...inPlace('aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor'),
  ...inPlace('aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor'), ...inPlace('aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor'),
  'aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor', 'aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor',
  ...inPlace('aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor'),
  'aten::dropout(Tensor input, float p, bool train) -> Tensor', 'aten::dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)',
  'aten::feature_dropout(Tensor input, float p, bool train) -> Tensor', 'aten::feature_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)',
  'aten::alpha_dropout(Tensor input, float p, bool train) -> Tensor', 'aten::alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)',
  'aten::feature_alpha_dropout(Tensor input, float p, bool train) -> Tensor', 'aten::feature_alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)',
  'aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)', 'aten::fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)', 'aten::zero_(Tensor(a!) self) -> Tensor(a!)',
  'aten::fill.Scalar(Tensor self, Scalar value) -> Tensor', 'aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor', 'aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)',
  'aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)', 'aten::bernoulli_.Tensor(Tensor(a!) self, Tensor p, *, Generator? generator=None) -> Tensor(a!)',
  'aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor',
  'aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor', 'aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor',
  'aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor', 'aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor', 'aten::softmin(Tensor self, int dim, ScalarType? dtype=None) -> Tensor',
];
