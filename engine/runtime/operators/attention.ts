import { attention } from '../../../kernels/ops/attention.ts';
import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { layerNorm } from '../../../kernels/ops/layer_norm.ts';
import { softmax } from '../../../kernels/ops/softmax.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import { Args, type RuntimeValue } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { runUnary } from './elementwise.ts';
import { runLinear, runMatmul } from './linear.ts';
import { isNested, nestedRows, nestedTensor } from './nested.ts';
import { meanDims } from './reduction.ts';
import { expand, permute, reshape, slice, transpose, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

/** A mask as numbers to add: a boolean one keeps where it is true. */
function additive(ctx: OpContext, mask: Tensor): Tensor {
  if (isFloat(mask.meta.dtype)) return mask;
  return choose(ctx, mask, { value: 0, dtype: 'float32' }, { value: -Infinity, dtype: 'float32' });
}

/** Repeats heads of keys and values so that there are as many as queries (grouped-query attention). */
function repeatHeads(ctx: OpContext, t: Tensor, heads: number): Tensor {
  const at = t.meta.shape.length - 3;
  const own = t.meta.shape[at]!;
  if (own === heads) return t;
  const wide = unsqueeze(ctx, t, at + 1);
  const shape = [...t.meta.shape.slice(0, at + 1), heads / own, ...t.meta.shape.slice(at + 1)];
  return reshape(ctx, expand(ctx, wide, shape), [...t.meta.shape.slice(0, at), heads, ...t.meta.shape.slice(at + 1)]);
}

function scaledDotProduct(ctx: OpContext, a: Args): Tensor {
  const q = a.tensor(0);
  let [k, v] = [a.tensor(1), a.tensor(2)];
  if (a.number(4) !== 0) throw badArgument(a.op, `dropout_p must be 0 in inference, got ${a.number(4)}`, 'Call model.eval() before exporting the model.');
  if (a.bool(7) && q.meta.shape.length > 2) {
    const heads = q.meta.shape.at(-3)!;
    [k, v] = [repeatHeads(ctx, k, heads), repeatHeads(ctx, v, heads)];
  }
  const batch = broadcastShapes(a.op, q.meta.shape.slice(0, -2), k.meta.shape.slice(0, -2), v.meta.shape.slice(0, -2));
  const inputs = [q, k, v].map((t) => expand(ctx, t, [...batch, ...t.meta.shape.slice(-2)]));
  if (!a.isNone(3)) inputs.push(additive(ctx, a.tensor(3)));
  return ctx.run(attention, inputs, { isCausal: a.bool(5), scale: a.optionalNumber(6) })[0]!;
}

/**
 * aten::_transformer_encoder_layer_fwd, PyTorch's fast path of nn.TransformerEncoderLayer: attention and a two-layer network, each with a residual
 * and a layer norm before or after it.
 */
function encoderLayer(ctx: OpContext, a: Args): Tensor {
  const normFirst = a.bool(8);
  const norm = { normalizedShape: [a.number(1)], eps: a.number(9) };
  const normed = (x: Tensor, at: number): Tensor => ctx.run(layerNorm, [x, a.tensor(at), a.tensor(at + 1)], norm)[0]!;
  const residual = (x: Tensor, y: Tensor): Tensor => runBinary(ctx, 'add', x, y);
  const rows = isNested(a.tensor(0)) ? nestedRows(ctx, a.tensor(0)) : null;
  const mask = rows ? [runBinary(ctx, 'eq', rows, { value: 0, dtype: 'float32' }), 1] as const : [a.any(18), a.any(19)] as const;
  const attend = (x: Tensor): Tensor => {
    const args = [x, x, x, a.any(1), a.any(2), a.any(3), a.any(4), a.any(5), a.any(6), mask[0], false, true, mask[1]];
    return (nativeMultiHead(ctx, new Args(a.op, args)) as RuntimeValue[])[0] as Tensor;
  };
  const feed = (x: Tensor): Tensor => {
    const hidden = runUnary(ctx, runLinear(ctx, x, a.tensor(14), a.tensor(15)), a.bool(7) ? 'gelu' : 'relu');
    return runLinear(ctx, hidden, a.tensor(16), a.tensor(17));
  };
  const padded = (y: Tensor): Tensor => (rows ? nestedTensor(ctx, y, rows) : y);
  const x = a.tensor(0);
  if (normFirst) {
    const mid = residual(x, attend(normed(x, 10)));
    return padded(residual(mid, feed(normed(mid, 12))));
  }
  const mid = normed(residual(x, attend(x)), 10);
  return padded(normed(residual(mid, feed(mid)), 12));
}

/** aten::_native_multi_head_attention, PyTorch's fast path of nn.MultiheadAttention for self attention, [N, L, E]. */
function nativeMultiHead(ctx: OpContext, a: Args): RuntimeValue {
  const [query, key, value] = [a.tensor(0), a.tensor(1), a.tensor(2)];
  const [embed, heads] = [a.number(3), a.number(4)];
  const [weight, bias] = [a.tensor(5), a.tensor(6)];
  // As PyTorch multiplies and rounds: one product where all three are the same tensor, then the bias, then the query's scale.
  const shared = query === key && key === value ? runLinear(ctx, query, weight, null) : null;
  const project = (x: Tensor, i: number, factor: number | null): Tensor => {
    const [from, to] = [i * embed, (i + 1) * embed];
    const product = shared ? slice(ctx, shared, 2, from, to) : runLinear(ctx, x, slice(ctx, weight, 0, from, to), null);
    const sum = runBinary(ctx, 'add', product, slice(ctx, bias, 0, from, to));
    const y = factor === null ? sum : runBinary(ctx, 'mul', sum, { value: factor, dtype: 'float32' });
    const [n, l] = y.meta.shape as [number, number];
    return permute(ctx, reshape(ctx, y, [n, l, heads, embed / heads]), [0, 2, 1, 3]);
  };
  const [q, k, v] = [project(query, 0, 1 / Math.sqrt(embed / heads)), project(key, 1, null), project(value, 2, null)];
  // Here the mask marks what to leave out. A padding mask (type 1) is [N, S].
  let mask: Tensor | null = null;
  if (!a.isNone(9)) {
    // A float mask counts as a boolean one: the fast path turns it into that, whatever its numbers are.
    const hidden = runBinary(ctx, 'ne', a.tensor(9), { value: 0, dtype: 'bool' });
    mask = choose(ctx, hidden, { value: -Infinity, dtype: 'float32' }, { value: 0, dtype: 'float32' });
    if (a.optionalNumber(12) === 1 && mask.meta.shape.length === 2) mask = unsqueeze(ctx, unsqueeze(ctx, mask, 1), 1);
  }
  let scores = runMatmul(ctx, q, transpose(ctx, k, 2, 3));
  if (mask) scores = runBinary(ctx, 'add', scores, mask);
  const weights = ctx.run(softmax, [scores], { dim: -1 })[0]!;
  const [n, , l] = q.meta.shape as [number, number, number];
  const joined = reshape(ctx, permute(ctx, runMatmul(ctx, weights, v), [0, 2, 1, 3]), [n, l, embed]);
  const result = runLinear(ctx, joined, a.tensor(7), a.tensor(8));
  if (!a.bool(10)) return [result, ctx.fromHost('float32', [0], [])];
  return [result, a.bool(11) ? meanDims(ctx, weights, [1], false) : weights];
}

export const attentionOperators = operators({
  ['aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, '
    + 'float? scale=None, bool enable_gqa=False) -> Tensor']: scaledDotProduct,
  ['aten::_native_multi_head_attention(Tensor query, Tensor key, Tensor value, int embed_dim, int num_head, Tensor qkv_weight, Tensor qkv_bias, '
    + 'Tensor proj_weight, Tensor proj_bias, Tensor? mask=None, bool need_weights=True, bool average_attn_weights=True, int? mask_type=None) '
    + '-> (Tensor, Tensor)']: nativeMultiHead,
  ['aten::_transformer_encoder_layer_fwd(Tensor src, int embed_dim, int num_heads, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, '
    + 'Tensor proj_bias, bool use_gelu, bool norm_first, float eps, Tensor norm_weight_1, Tensor norm_bias_1, Tensor norm_weight_2, Tensor norm_bias_2, '
    + 'Tensor ffn_weight_1, Tensor ffn_bias_1, Tensor ffn_weight_2, Tensor ffn_bias_2, Tensor? mask=None, int? mask_type=None) -> Tensor']: encoderLayer,
});
