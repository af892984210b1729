import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';
import type { TensorItem } from '../items.ts';
import { linear } from './linear.ts';

interface Attended { readonly out: string; readonly weights: string }

/** softmax(q k^T scale + mask) v over names of rank `rank`. */
function attention(c: OpCall, q: string, k: string, v: string, rank: number, scale: number, mask: (scores: string) => string): Attended {
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  const scores = c.b.op('MatMul', [c.b.op('Mul', [q, c.b.scalar(scale)]), c.b.op('Transpose', [k], { perm })]);
  const weights = c.b.op('Softmax', [mask(scores)], { axis: rank - 1 });
  return { out: c.b.op('MatMul', [weights, v]), weights };
}

/** Adds a float mask, or takes away where a bool mask is false (`keeps`) or true. */
function masked(c: OpCall, scores: string, mask: TensorItem, keeps: boolean): string {
  if (mask.meta.dtype !== 'bool') return c.b.op('Add', [scores, c.b.value(mask)]);
  const [away, name] = [c.b.scalar(-Infinity), c.b.value(mask)];
  return c.b.op('Where', keeps ? [name, scores, away] : [name, away, scores]);
}

const scaledDotProduct: OpExport = (c) => {
  const [q, k] = [c.item(0), c.item(1)];
  if (c.bool(7)) throw new Unexportable('grouped heads (enable_gqa)');
  const rank = q.rank;
  const scale = c.num(6, 1 / Math.sqrt(c.size(q, rank - 1)));
  const causal = c.bool(5);
  return attention(c, c.x(0), c.x(1), c.x(2), rank, scale, (scores) => {
    if (causal) return c.b.op('Add', [scores, causalMask(c, c.size(q, rank - 2), c.size(k, rank - 2))]);
    return c.isNone(3) ? scores : masked(c, scores, c.item(3), true);
  }).out;
};

/** 0 where a query may look, -Infinity where it may not. */
function causalMask(c: OpCall, queries: number, keys: number): string {
  const values = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) values.fill(-Infinity, i * keys + Math.min(keys, i + 1), (i + 1) * keys);
  return c.b.constant('float32', [queries, keys], values, 'causal_mask');
}

/** Names of a self-attention block's weights, by argument number. */
interface Block {
  readonly embed: number;
  readonly heads: number;
  readonly qkvWeight: number;
  readonly qkvBias: number;
  readonly projWeight: number;
  readonly projBias: number;
  readonly mask: number;
}

/** Attention of a sequence [N, L, E] to itself with packed projections; gives output and weights [N, heads, L, L]. */
function selfAttention(c: OpCall, x: string, t: TensorItem, at: Block): Attended {
  const [embed, heads] = [c.num(at.embed), c.num(at.heads)];
  const length = c.size(t, 1);
  const head = embed / heads;
  const qkv = linear(c, x, 3, c.x(at.qkvWeight), c.x(at.qkvBias));
  const split = c.b.op('Transpose', [c.b.op('Reshape', [qkv, c.b.ints([-1, length, 3, heads, head])])], { perm: [2, 0, 3, 1, 4] });
  const part = (i: number): string => c.b.op('Gather', [split, c.b.scalar(i, 'int64')], { axis: 0 });
  const { out, weights } = attention(c, part(0), part(1), part(2), 4, 1 / Math.sqrt(head), (scores) => maskedKeys(c, scores, at.mask));
  const joined = c.b.op('Reshape', [c.b.op('Transpose', [out], { perm: [0, 2, 1, 3] }), c.b.ints([-1, length, embed])]);
  return { out: linear(c, joined, 3, c.x(at.projWeight), c.x(at.projBias)), weights };
}

/** A mask [L, L], or [N, L] of keys to leave out. */
function maskedKeys(c: OpCall, scores: string, at: number): string {
  if (c.isNone(at)) return scores;
  const mask = c.item(at);
  if (mask.rank !== 2) return masked(c, scores, mask, false);
  const type = c.num(at + (c.kind.endsWith('head_attention') ? 3 : 1), 0);
  if (type !== 1) return masked(c, scores, mask, false);
  const wide = c.unsqueeze(c.b.value(mask), [1, 2]);
  return mask.meta.dtype === 'bool' ? c.b.op('Where', [wide, c.b.scalar(-Infinity), scores]) : c.b.op('Add', [scores, wide]);
}

const multiHead: OpExport = (c) => {
  const t = c.item(0);
  if (c.item(1).runtime[0] !== t.runtime[0] || c.item(2).runtime[0] !== t.runtime[0]) throw new Unexportable('attention from one sequence to another in one op');
  const { out, weights } = selfAttention(c, c.x(0), t, { embed: 3, heads: 4, qkvWeight: 5, qkvBias: 6, projWeight: 7, projBias: 8, mask: 9 });
  if (!c.bool(10, true)) return [out, out];
  return [out, c.bool(11, true) ? c.reduce('ReduceMean', weights, [1], false) : weights];
};

const encoderLayer: OpExport = (c) => {
  const norm = (x: string, weight: number): string => {
    const epsilon = c.num(9);
    if (c.b.opset >= 17) return c.b.op('LayerNormalization', [x, c.x(weight), c.x(weight + 1)], { axis: -1, epsilon: { float: epsilon } });
    const centred = c.b.op('Sub', [x, c.reduce('ReduceMean', x, [2], true)]);
    const deviation = c.b.op('Sqrt', [c.b.op('Add', [c.reduce('ReduceMean', c.b.op('Mul', [centred, centred]), [2], true), c.b.scalar(epsilon)])]);
    return c.b.op('Add', [c.b.op('Mul', [c.b.op('Div', [centred, deviation]), c.x(weight)]), c.x(weight + 1)]);
  };
  const block = { embed: 1, heads: 2, qkvWeight: 3, qkvBias: 4, projWeight: 5, projBias: 6, mask: 18 };
  const attend = (x: string): string => selfAttention(c, x, c.item(0), block).out;
  const feed = (x: string): string => {
    const inner = linear(c, x, 3, c.x(14), c.x(15));
    const active = c.bool(7) ? gelu(c, inner) : c.b.op('Relu', [inner]);
    return linear(c, active, 3, c.x(16), c.x(17));
  };
  const add = (a: string, b: string): string => c.b.op('Add', [a, b]);
  const x = c.x(0);
  if (c.bool(8)) {
    const middle = add(x, attend(norm(x, 10)));
    return add(middle, feed(norm(middle, 12)));
  }
  const middle = norm(add(x, attend(x)), 10);
  return norm(add(middle, feed(middle)), 12);
};

function gelu(c: OpCall, x: string): string {
  if (c.b.opset >= 20) return c.b.op('Gelu', [x]);
  const erf = c.b.op('Erf', [c.b.op('Div', [x, c.b.scalar(Math.SQRT2)])]);
  return c.b.op('Mul', [c.b.op('Mul', [x, c.b.op('Add', [erf, c.b.scalar(1)])]), c.b.scalar(0.5)]);
}

export const ATTENTION: OpTable = {
  'aten::scaled_dot_product_attention': scaledDotProduct,
  'aten::_native_multi_head_attention': multiHead,
  'aten::_transformer_encoder_layer_fwd': encoderLayer,
};
