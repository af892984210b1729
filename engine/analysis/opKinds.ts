/** Names that one operation has in different graphs, brought to one. */
const SAME: Readonly<Record<string, string>> = {
  _convolution: 'conv', convolution: 'conv', conv1d: 'conv', conv2d: 'conv', conv3d: 'conv', conv_transpose2d: 'conv_transpose',
  addmm: 'linear', relu6: 'hardtanh', clamp: 'hardtanh', _native_batch_norm_legit_no_training: 'batch_norm',
  batch_norm1d: 'batch_norm', batch_norm2d: 'batch_norm', batch_norm3d: 'batch_norm', quantize_per_tensor: 'quantize', quantize_per_channel: 'quantize',
  bmm: 'matmul', mm: 'matmul',
};

/** What may be fused behind another op; longest names first, so that `leaky_relu` is not taken for `relu`. */
const TAILS = ['leaky_relu', 'hardswish', 'hardsigmoid', 'hardtanh', 'sigmoid', 'relu6', 'gelu', 'silu', 'mish', 'tanh', 'relu', 'elu', 'add', 'sum', 'mul', 'abs', 'sqrt', 'square', 'exp', 'log', 'pow'];

/**
 * The operations that one node does, first the one that anchors it: `quantized::conv2d_add_relu` gives conv, add, relu; `aten::relu_` gives relu.
 */
export function opParts(kind: string): string[] {
  let name = kind.replace(/^.*::/, '').replace(/^(quantized|quantbench)_/, '');
  if (!name.startsWith('_')) name = name.replace(/_+$/, '');
  const tails: string[] = [];
  for (;;) {
    const tail = TAILS.find((t) => name.endsWith(`_${t}`) && name !== t);
    if (!tail || isWhole(name)) break;
    tails.unshift(SAME[tail] ?? (tail === 'sum' ? 'add' : tail));
    name = name.slice(0, -tail.length - 1);
  }
  return [SAME[name] ?? name, ...tails];
}

/** Names that end in the name of another op but are one op. */
function isWhole(name: string): boolean {
  return ['leaky_relu', 'log_softmax', 'log_sigmoid', 'unary_table', 'index_add', 'index_sum'].includes(name);
}
