/** Layers, matrix products and reductions, as in native_functions.yaml. */
const upsample = (name: string, dims: number, extra: string): string[] => {
  const scales = dims === 1 ? 'float? scales=None' : ['d', 'h', 'w'].slice(3 - dims).map((d) => `float? scales_${d}=None`).join(', ');
  return [
    `aten::${name}(Tensor self, SymInt[${dims}] output_size, ${extra}${scales}) -> Tensor`,
    `aten::${name}.vec(Tensor input, SymInt[]? output_size, ${extra}float[]? scale_factors) -> Tensor`,
  ];
};
const ALIGN = 'bool align_corners, ';

const reduceAll = (name: string): string[] => [
  `aten::${name}.dim(Tensor self, int dim, bool keepdim=False) -> Tensor`, `aten::${name}.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor`, `aten::${name}(Tensor self) -> Tensor`,
];

const conv = (n: number): string[] => [
  `aten::conv${n}d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[${n}] stride=1, SymInt[${n}] padding=0, SymInt[${n}] dilation=1, SymInt groups=1) -> Tensor`,
  `aten::conv${n}d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[${n}] stride=1, str padding="valid", SymInt[${n}] dilation=1, SymInt groups=1) -> Tensor`,
];
const convTranspose = (n: number, overload: string): string =>
  `aten::conv_transpose${n}d${overload}(Tensor input, Tensor weight, Tensor? bias=None, SymInt[${n}] stride=1, SymInt[${n}] padding=0, SymInt[${n}] output_padding=0, SymInt groups=1, SymInt[${n}] dilation=1) -> Tensor`;
const avgPool = (n: number): string => n === 1
  ? 'aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor'
  : `aten::avg_pool${n}d(Tensor self, int[${n}] kernel_size, int[${n}] stride=[], int[${n}] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor`;
const maxPool = (n: number): string[] => {
  const args = `Tensor self, int[${n}] kernel_size, int[${n}] stride=[], int[${n}] padding=0, int[${n}] dilation=1, bool ceil_mode=False`;
  return [`aten::max_pool${n}d(${args}) -> Tensor`, `aten::max_pool${n}d_with_indices(${args}) -> (Tensor, Tensor)`];
};

export const NN_SCHEMAS: readonly string[] = [
  ...[1, 2, 3].flatMap(conv), convTranspose(1, ''), convTranspose(2, '.input'), convTranspose(3, '.input'),
  'aten::_convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled, bool allow_tf32) -> Tensor',
  'aten::_convolution.deprecated(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, int[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled) -> Tensor',
  'aten::_convolution_mode(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, str padding, SymInt[] dilation, SymInt groups) -> Tensor',
  'aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor',
  'aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor', 'aten::bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor',
  'aten::matmul(Tensor self, Tensor other) -> Tensor', 'aten::mm(Tensor self, Tensor mat2) -> Tensor', 'aten::bmm(Tensor self, Tensor mat2) -> Tensor', 'aten::mv(Tensor self, Tensor vec) -> Tensor', 'aten::dot(Tensor self, Tensor tensor) -> Tensor',
  'aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor', 'aten::addmm_(Tensor(a!) self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor(a!)',
  'aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor', 'aten::addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor',
  'aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor', 'aten::outer(Tensor self, Tensor vec2) -> Tensor', 'aten::tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor',
  'aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor',
  'aten::_native_multi_head_attention(Tensor query, Tensor key, Tensor value, int embed_dim, int num_head, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, Tensor proj_bias, Tensor? mask=None, bool need_weights=True, bool average_attn_weights=True, int? mask_type=None) -> (Tensor, Tensor)',
  'aten::_transformer_encoder_layer_fwd(Tensor src, int embed_dim, int num_heads, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, Tensor proj_bias, bool use_gelu, bool norm_first, float eps, Tensor norm_weight_1, Tensor norm_bias_1, Tensor norm_weight_2, Tensor norm_bias_2, Tensor ffn_weight_1, Tensor ffn_bias_1, Tensor ffn_weight_2, Tensor ffn_bias_2, Tensor? mask=None, int? mask_type=None) -> Tensor',
  'aten::_nested_tensor_from_mask(Tensor t, Tensor mask, bool mask_check=True) -> Tensor', 'aten::_nested_tensor_from_mask_left_aligned(Tensor t, Tensor mask) -> bool',
  'aten::to_padded_tensor(Tensor self, float padding, SymInt[]? output_size=None) -> Tensor',
  'aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor',
  'aten::native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)',
  'aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor',
  'aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enabled=True) -> Tensor',
  'aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)',
  'aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor',
  'aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)',
  'aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor', 'aten::local_response_norm(Tensor input, int size, float alpha=0.0001, float beta=0.75, float k=1.0) -> Tensor',
  ...[1, 2, 3].map(avgPool), ...[1, 2, 3].flatMap(maxPool),
  ...[1, 2, 3].map((n) => `aten::adaptive_avg_pool${n}d(Tensor self, ${n === 1 ? 'int' : 'SymInt'}[${n}] output_size) -> Tensor`), ...[1, 2, 3].map((n) => `aten::adaptive_max_pool${n}d(Tensor self, int[${n}] output_size) -> (Tensor, Tensor)`),
  'aten::_adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor',
  ...upsample('upsample_nearest1d', 1, ''), ...upsample('upsample_nearest2d', 2, ''), ...upsample('upsample_nearest3d', 3, ''), ...upsample('_upsample_nearest_exact1d', 1, ''), ...upsample('_upsample_nearest_exact2d', 2, ''),
  ...upsample('_upsample_nearest_exact3d', 3, ''), ...upsample('upsample_linear1d', 1, ALIGN), ...upsample('upsample_bilinear2d', 2, ALIGN), ...upsample('upsample_trilinear3d', 3, ALIGN), ...upsample('upsample_bicubic2d', 2, ALIGN),
  ...upsample('_upsample_bilinear2d_aa', 2, ALIGN), ...upsample('_upsample_bicubic2d_aa', 2, ALIGN),
  'aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor', 'aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor',
  'aten::affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor', 'aten::im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor',
  'aten::col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor',
  'aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor',
  'aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor', 'aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
  'aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor', 'aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
  'aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor', 'aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
  ...['max', 'min'].flatMap((n) => [`aten::${n}(Tensor self) -> Tensor`, `aten::${n}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`]),
  'aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor', 'aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor', 'aten::aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)',
  'aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor', 'aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor', 'aten::median(Tensor self) -> Tensor',
  'aten::median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)',
  ...['std', 'var'].flatMap((n) => [
    `aten::${n}(Tensor self, bool unbiased=True) -> Tensor`, `aten::${n}.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor`,
    `aten::${n}.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor`,
  ]),
  'aten::var_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)', 'aten::var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)',
  'aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor', 'aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor', 'aten::norm.ScalarOpt_dtype(Tensor self, Scalar? p, *, ScalarType dtype) -> Tensor',
  'aten::norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> Tensor', 'aten::frobenius_norm.dim(Tensor self, int[1] dim, bool keepdim=False) -> Tensor',
  'aten::linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
  'aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
  'aten::cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor', 'aten::pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, bool keepdim=False) -> Tensor', 'aten::cdist(Tensor x1, Tensor x2, float p=2, int? compute_mode=None) -> Tensor',
  'aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor', 'aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor', 'aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor',
  ...reduceAll('any'), ...reduceAll('all'),
  'aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)', 'aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)',
  'aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor', 'aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)',
  'aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor',
  'aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)',
  'aten::gru.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)',
];
