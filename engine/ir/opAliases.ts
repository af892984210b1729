/**
 * Names under which PyTorch has an operator a second time, and the name that its graphs show: the table of torch/csrc/jit/passes/normalize_ops.cpp, which the
 * TorchScript compiler applies to all that it reads. Passes, and what quantization knows of an op, go by the second.
 */
const ALIASES: ReadonlyMap<string, string> = new Map(Object.entries({
  absolute: 'abs', clip: 'clamp', divide: 'div', multiply: 'mul', subtract: 'sub', true_divide: 'div', fix: 'trunc', negative: 'neg',
  arccos: 'acos', arcsin: 'asin', arctan: 'atan', arctan2: 'atan2', arccosh: 'acosh', arcsinh: 'asinh', arctanh: 'atanh',
  greater: 'gt', greater_equal: 'ge', less: 'lt', less_equal: 'le', not_equal: 'ne', swapaxes: 'transpose', swapdims: 'transpose',
}).flatMap(([from, to]) => [[from, to], [`${from}_`, `${to}_`]])
  .concat(Object.entries({
    concat: 'cat', concatenate: 'cat', row_stack: 'vstack', moveaxis: 'movedim', ger: 'outer', adjoint: 'mH', det: 'linalg_det', inverse: 'linalg_inv',
    matrix_exp: 'linalg_matrix_exp', matrix_power: 'linalg_matrix_power', orgqr: 'linalg_householder_product', linalg_matmul: 'matmul',
    special_digamma: 'digamma', special_erf: 'erf', special_erfc: 'erfc', special_erfinv: 'erfinv', special_exp2: 'exp2', special_expit: 'sigmoid',
    special_expm1: 'expm1', special_gammainc: 'igamma', special_gammaincc: 'igammac', special_gammaln: 'lgamma', special_i0: 'i0', special_log1p: 'log1p',
    special_log_softmax: 'log_softmax', special_logit: 'logit', special_logsumexp: 'logsumexp', special_multigammaln: 'mvlgamma',
    special_polygamma: 'polygamma', special_psi: 'digamma', special_round: 'round', special_sinc: 'sinc', special_softmax: 'softmax', special_xlogy: 'xlogy',
  }))
  .map(([from, to]) => [`aten::${from!}`, `aten::${to!}`]));

/** `aten::transpose` for `aten::swapaxes`; any other name is returned as it is. */
export function withoutAlias(kind: string): string {
  return ALIASES.get(kind) ?? kind;
}
