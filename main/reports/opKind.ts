/** Ops by what they do, for charts: a dozen names tell more than eighty. */

/** First match wins: `quantized::conv2d_add_relu` is a convolution, whatever is fused into it. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/conv/, 'convolution'],
  [/linear|addmm|matmul|\bmm\b|bmm|baddbmm/, 'linear'],
  [/attention/, 'attention'],
  [/softmax/, 'softmax'],
  [/norm/, 'normalization'],
  [/pool/, 'pooling'],
  [/dequantize|quantize|int_repr|observer/, 'quantize, dequantize'],
  [/relu|gelu|silu|mish|hardswish|hardsigmoid|hardtanh|sigmoid|tanh|elu|clamp/, 'activation'],
  [/^(add|mul|sub|rsub|div|cat|concat|pow|exp|log|r?sqrt|abs|square|neg)(_|$|scalar|relu)/, 'elementwise, join'],
  [/view|reshape|flatten|permute|transpose|contiguous|slice|select|squeeze|expand|clone|copy|chunk|split|layout|pad|shuffle|stack/, 'shape, copy'],
];

export const OTHER_KIND = 'other';

/** The kind of an op named as a graph names it (`aten::conv2d`). */
export function opKind(op: string): string {
  const name = (op.split('::').at(-1) ?? op).toLowerCase();
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? OTHER_KIND;
}

/** Every kind in the order in which charts stack them. */
export const OP_KINDS: readonly string[] = [...KINDS.map(([, kind]) => kind), OTHER_KIND];
