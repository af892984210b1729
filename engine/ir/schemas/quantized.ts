/** Quantized operators: native_functions.yaml and aten/src/ATen/native/quantized/library.cpp. */
const CONV = '__torch__.torch.classes.quantized';

/** PyTorch packs a 1d convolution as a 2d one with a height of 1. */
const convs = (n: number): string[] => {
  const packed = `${CONV}.Conv${Math.max(n, 2)}dPackedParamsBase`;
  const overload = n === 1 ? '' : '.new';
  return [
    ...['', '_relu'].map((s) => `quantized::conv${n}d${s}${overload}(Tensor qx, ${packed} packed_weight, float output_scale, int output_zero_point) -> Tensor`),
    `quantized::conv${n}d_prepack(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups) -> ${packed}`,
    `quantized::conv_transpose${n}d(Tensor qx, ${packed} packed_weight, float output_scale, int output_zero_point) -> Tensor`,
    `quantized::conv_transpose${n}d_prepack(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] output_padding, int[] dilation, int groups) -> ${packed}`,
    `quantized::conv${n}d_unpack(${packed} packed_weights) -> (Tensor unpacked_weights, Tensor? B_origin)`,
    ...(n === 2 ? [
      `quantized::conv2d_add(Tensor qx, Tensor qaccum, ${packed} packed_weight, float output_scale, int output_zero_point) -> Tensor`,
      `quantized::conv2d_add_relu(Tensor qx, Tensor qaccum, ${packed} packed_weight, float output_scale, int output_zero_point) -> Tensor`,
    ] : []),
  ];
};

const LINEAR = `${CONV}.LinearPackedParamsBase`;
const CELL = `${LINEAR} w_ih, ${LINEAR} w_hh, Tensor b_ih, Tensor b_hh`;
const LAYERS = '__torch__.torch.classes.rnn.CellParamsBase[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first';

const TABLE = `${CONV}.EmbeddingPackedParamsBase weight, Tensor indices`;
const BAG = `${TABLE}, Tensor? offsets=None, bool scale_grad_by_freq=False, int mode=0, bool pruned_weights=False, `
  + 'Tensor? per_sample_weights=None, Tensor? compressed_indices_mapping=None, bool include_last_offset=False';

export const QUANTIZED_SCHEMAS: readonly string[] = [
  'aten::quantize_per_tensor(Tensor self, float scale, int zero_point, ScalarType dtype) -> Tensor', 'aten::quantize_per_tensor.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, ScalarType dtype) -> Tensor',
  'aten::quantize_per_channel(Tensor self, Tensor scales, Tensor zero_points, int axis, ScalarType dtype) -> Tensor', 'aten::dequantize.self(Tensor self) -> Tensor', 'aten::dequantize.tensors(Tensor[] tensors) -> Tensor[]',
  'aten::dequantize.list(Tensor[] qtensors) -> Tensor[]', 'aten::dequantize.any(Any tensors) -> Any', 'aten::int_repr(Tensor self) -> Tensor',
  'aten::q_per_channel_scales(Tensor self) -> Tensor', 'aten::q_per_channel_zero_points(Tensor self) -> Tensor', 'aten::q_per_channel_axis(Tensor self) -> int',
  'aten::quantize_per_tensor_dynamic(Tensor self, ScalarType dtype, bool reduce_range) -> Tensor',
  'aten::fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> Tensor',
  ...[1, 2, 3].flatMap(convs),
  `quantized::linear(Tensor X, ${LINEAR} W_prepack, float Y_scale_i, int Y_zero_point_i) -> Tensor`, `quantized::linear_relu(Tensor X, ${LINEAR} W_prepack, float Y_scale_i, int Y_zero_point_i) -> Tensor`,
  `quantized::linear_prepack(Tensor W, Tensor? B=None) -> ${LINEAR}`, `quantized::linear_unpack(${LINEAR} W_prepack) -> (Tensor W_origin, Tensor? B_origin)`,
  `quantized::linear_leaky_relu(Tensor X, ${LINEAR} W_prepack, float Y_scale_i, int Y_zero_point_i, float negative_slope) -> Tensor`, `quantized::linear_tanh(Tensor X, ${LINEAR} W_prepack, float Y_scale_i, int Y_zero_point_i) -> Tensor`,
  `quantized::linear_dynamic(Tensor X, ${LINEAR} W_prepack, bool reduce_range=False) -> Tensor`,
  `quantized::linear_relu_dynamic(Tensor X, ${LINEAR} W_prepack, bool reduce_range=False) -> Tensor`,
  `aten::quantized_lstm.input(Tensor input, Tensor[] hx, ${LAYERS}, *, ScalarType? dtype=None, bool use_dynamic=False) -> (Tensor, Tensor, Tensor)`,
  `aten::quantized_gru.input(Tensor input, Tensor hx, ${LAYERS}) -> (Tensor, Tensor)`,
  // Packed sequences: read, so that a scripted layer opens; its branch for them does not run.
  `aten::quantized_lstm.data(Tensor data, Tensor batch_sizes, Tensor[] hx, ${LAYERS.replace(', bool batch_first', '')}, *, ScalarType? dtype=None, bool use_dynamic=False) -> (Tensor, Tensor, Tensor)`,
  `aten::quantized_gru.data(Tensor data, Tensor batch_sizes, Tensor hx, ${LAYERS.replace(', bool batch_first', '')}) -> (Tensor, Tensor)`,
  `quantized::quantized_lstm_cell_dynamic(Tensor input, Tensor[] hx, ${CELL}) -> (Tensor, Tensor)`,
  ...['gru', 'rnn_tanh', 'rnn_relu'].map((n) => `quantized::quantized_${n}_cell_dynamic(Tensor input, Tensor hx, ${CELL}) -> Tensor`),
  ...['add', 'mul'].flatMap((n) => [
    ...['', '_relu'].flatMap((s) => [
      `quantized::${n}${s}(Tensor qa, Tensor qb, float scale, int zero_point) -> Tensor`, `quantized::${n}_scalar${s}(Tensor qa, Scalar b) -> Tensor`, `quantized::${n}_scalar${s}.Tensor(Tensor qa, Tensor b) -> Tensor`,
      `quantized::${n}${s}.Scalar(Tensor qa, Scalar b) -> Tensor`, `quantized::${n}${s}.out(Tensor qa, Tensor qb, Tensor(a!) out) -> Tensor(a!)`, `quantized::${n}_scalar${s}_out(Tensor qa, Scalar b, Tensor(a!) out) -> Tensor(a!)`,
    ]),
  ]),
  'quantized::matmul(Tensor qa, Tensor qb, float scale, int zero_point) -> Tensor', 'quantized::cat(Tensor[] qx, int dim, float? scale, int? zero_point) -> Tensor', 'quantized::cat_relu(Tensor[] qx, int dim, float? scale, int? zero_point) -> Tensor',
  'quantized::batch_norm(Tensor qx, Tensor? weight, Tensor? bias, Tensor mean, Tensor var, float eps, float output_scale, int output_zero_point) -> Tensor',
  ...['batch_norm_relu', 'batch_norm1d', 'batch_norm1d_relu', 'batch_norm2d', 'batch_norm2d_relu', 'batch_norm3d', 'batch_norm3d_relu'].map((n) =>
    `quantized::${n}(Tensor qx, Tensor? weight, Tensor? bias, Tensor mean, Tensor var, float eps, float output_scale, int output_zero_point) -> Tensor`),
  'quantized::layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor',
  'quantized::group_norm(Tensor qx, int num_groups, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor',
  'quantized::instance_norm(Tensor input, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor',
  'quantized::hardswish(Tensor input, float output_scale, int output_zero_point) -> Tensor', 'quantized::sigmoid(Tensor qx, float output_scale, int output_zero_point) -> Tensor',
  'quantized::elu(Tensor self, float output_scale, int output_zero_point, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor', 'quantized::celu(Tensor self, float output_scale, int output_zero_point, Scalar alpha=1) -> Tensor',
  'quantized::leaky_relu(Tensor qx, Scalar negative_slope, bool inplace, float output_scale, int output_zero_point) -> Tensor', 'quantized::prelu(Tensor qx, Tensor weight, float output_scale, int output_zero_point) -> Tensor',
  'quantized::relu6(Tensor qx, bool inplace=False) -> Tensor', 'quantized::softmax(Tensor qx, int dim, float output_scale, int output_zero_point) -> Tensor', 'quantized::dropout(Tensor self, float output_scale, int output_zero_point, Scalar p=0.5, bool training=False) -> Tensor',
  // Tables of 4 bits are read, so that a scripted layer opens; its branch for them does not run.
  ...['byte', '4bit'].flatMap((n) => [
    `quantized::embedding_${n}(${TABLE}, bool pruned_weights=False) -> Tensor`, `quantized::embedding_bag_${n}(${BAG}) -> Tensor`,
  ]),
  'quantized::clamp(Tensor qx, Scalar? min=None, Scalar? max=None) -> Tensor', 'quantized::threshold(Tensor qx, Scalar threshold, Scalar value) -> Tensor',
];
