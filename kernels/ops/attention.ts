import { makeMeta } from '../layout.ts';
import { defineOp, f32, input, output, scratch, u32 } from '../op.ts';
import { describeMeta, numel, type HostArray, type TensorMeta } from '../tensor.ts';
import { products } from '../wasm/products.ts';
import { flashHead } from './attentionHost.ts';
import { broadcastShapes, broadcastStrides, checkCount, floatInput, shapeMismatch } from './checks.ts';
import { TILE, fitsTiles, gemm, tiledGemm } from './gemm.ts';
import { gridProgram } from './program.ts';
import { softmaxLine, softmaxPrograms } from './softmax.ts';
import { walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** Attributes of scaled_dot_product_attention. A null scale is 1 / sqrt(E). A boolean mask must be made additive by the caller (0 and -inf). */
export interface AttentionAttrs { readonly isCausal: boolean; readonly scale: number | null }

interface Sizes {
  readonly batches: number; readonly l: number; readonly s: number; readonly e: number; readonly ev: number;
  readonly scale: number; readonly shape: readonly number[];
  /** How [..., L, S] walks the mask; null where there is none. */
  readonly mask: Walk | null;
}

function sizes(inputs: readonly TensorMeta[], attrs: AttentionAttrs): Sizes {
  const op = 'scaled_dot_product_attention';
  checkCount(op, inputs, 3, 4);
  const [q, k, v] = [0, 1, 2].map((i) => floatInput(op, inputs, i)) as [TensorMeta, TensorMeta, TensorMeta];
  const all = `query ${describeMeta(q)}, key ${describeMeta(k)}, value ${describeMeta(v)}`;
  if (q.shape.length < 2 || k.shape.length !== q.shape.length || v.shape.length !== q.shape.length) throw shapeMismatch(op, `ranks differ: ${all}`);
  const batch = q.shape.slice(0, -2);
  if (k.shape.slice(0, -2).join() !== batch.join() || v.shape.slice(0, -2).join() !== batch.join()) throw shapeMismatch(op, `batches differ: ${all}`);
  const [l, e] = q.shape.slice(-2) as [number, number];
  const [s, ek] = k.shape.slice(-2) as [number, number];
  const [sv, ev] = v.shape.slice(-2) as [number, number];
  if (e !== ek || s !== sv) throw shapeMismatch(op, `sizes differ: ${all}`);
  let mask: Walk | null = null;
  if (inputs.length === 4) {
    const m = floatInput(op, inputs, 3);
    const full = [...batch, l, s];
    if (broadcastShapes(op, m.shape, full).join() !== full.join()) throw shapeMismatch(op, `mask ${describeMeta(m)} does not broadcast to [${full.join(', ')}]`);
    mask = { sizes: full, strides: [broadcastStrides(m, full)], offsets: [0] };
  }
  return { batches: numel(batch), l, s, e, ev, scale: attrs.scale ?? 1 / Math.sqrt(e), shape: [...batch, l, ev], mask };
}

/**
 * softmax(q k^T * scale + mask) v. q [..., L, E], k [..., S, E], v [..., S, Ev], an optional additive mask that broadcasts to [..., L, S].
 * A row whose every key is masked out is zero, as in PyTorch.
 */
export const attention = defineOp<AttentionAttrs>({
  name: 'scaled_dot_product_attention',
  infer: (inputs, attrs) => [makeMeta(inputs[0]?.dtype ?? 'float32', sizes(inputs, attrs).shape)],
  reference(inputs, outputs, attrs) {
    const z = sizes(inputs.map((t) => t.meta), attrs);
    const [q, k, v, mask] = inputs.map((t) => t.data);
    const y = outputs[0]!.data;
    const scores = new Float64Array(z.l * z.s);
    const weights = new Float32Array(z.l * z.s);
    const sums = new Float64Array(z.l * z.ev);
    const transposed = new Float32Array(z.s * z.ev);
    const maskRows = z.mask ? rowsOf(z.mask) : null;
    for (let b = 0; b < z.batches; b++) {
      gemm(q!, b * z.l * z.e, z.e, k!, b * z.s * z.e, z.e, z.l, z.s, z.e, scores, z.s);
      for (let i = 0; i < z.l; i++) {
        const from = maskRows ? maskRows[b * z.l + i]! : 0;
        const step = z.mask ? z.mask.strides[0]!.at(-1)! : 0;
        for (let j = 0; j < z.s; j++) {
          const masked = attrs.isCausal && j > i;
          weights[i * z.s + j] = masked ? -Infinity : scores[i * z.s + j]! * z.scale + (mask ? mask[from + j * step]! : 0);
        }
        softmaxLine(weights, weights, i * z.s, z.s, 1, 'safe');
      }
      for (let j = 0; j < z.s; j++) for (let c = 0; c < z.ev; c++) transposed[c * z.s + j] = v![(b * z.s + j) * z.ev + c]!;
      gemm(weights, 0, z.s, transposed, 0, z.s, z.l, z.ev, z.s, sums, z.ev);
      y.set(sums, b * z.l * z.ev);
    }
  },
  host(inputs, outputs, attrs) {
    const z = sizes(inputs.map((t) => t.meta), attrs);
    const wasm = products();
    // PyTorch's flash attention takes [N, H, L, E] with values as wide as keys; the rest it multiplies out.
    if (!wasm || inputs[0]!.meta.shape.length !== 4 || z.e !== z.ev || numel(outputs[0]!.meta.shape) * z.s === 0) return false;
    const [q, k, v, mask] = inputs.map((t) => t.data) as [HostArray, HostArray, HostArray, HostArray | undefined];
    const maskRows = z.mask ? rowsOf(z.mask) : null;
    const step = z.mask ? z.mask.strides[0]!.at(-1)! : 0;
    for (let b = 0; b < z.batches; b++) {
      const maskAt = maskRows ? (i: number, j: number): number => mask![maskRows[b * z.l + i]! + j * step]! : null;
      flashHead(wasm, { ...z, isCausal: attrs.isCausal }, q, b * z.l * z.e, k, b * z.s * z.e, v, b * z.s * z.e, maskAt, outputs[0]!.data, b * z.l * z.e);
    }
    return true;
  },
  programs(inputs, outputs, attrs) {
    const z = sizes(inputs, attrs);
    if (numel(outputs[0]!.shape) === 0) return [];
    if (!fitsTiles(z.l, Math.max(z.s, z.ev), z.batches)) {
      throw shapeMismatch('scaled_dot_product_attention', `${z.batches} batches of ${z.l} rows are more than one dispatch takes`, 'Use a smaller batch.');
    }
    const bytes = Math.max(4, z.batches * z.l * z.s * 4);
    const scores = scratch(0, bytes);
    const weights = scratch(1, bytes);
    const rank = z.mask?.sizes.length ?? 0;
    return [
      gridProgram({
        label: 'scaled_dot_product_attention.scores',
        variant: `${attrs.isCausal ? 'causal,' : ''}${z.mask ? `mask${rank}` : ''}`,
        bindings: [
          { name: 'q', type: 'f32', buffer: input(0) }, { name: 'key', type: 'f32', buffer: input(1) },
          ...(z.mask ? [{ name: 'mask', type: 'f32' as const, buffer: input(3) }] : []), { name: 'scores', type: 'f32', buffer: scores },
        ],
        uniforms: { m: u32(z.l), n: u32(z.s), k: u32(z.e), scale: f32(z.scale), ...(z.mask ? walkUniforms(z.mask, ['mask']) : {}) },
        workgroups: [Math.ceil(z.s / TILE), Math.ceil(z.l / TILE), z.batches],
        text: () => `fn loadA(batch: u32, m: u32, k: u32) -> f32 { return q[(batch * u.m + m) * u.k + k]; }
fn loadB(batch: u32, k: u32, n: u32) -> f32 { return key[(batch * u.n + n) * u.k + k]; }
fn store(batch: u32, m: u32, n: u32, sum: f32) {
  let i = (batch * u.m + m) * u.n + n;
  var v = sum * u.scale;
${z.mask ? `${walkWgsl(rank, ['mask'])}\n  v += mask[maskIndex];` : ''}
${attrs.isCausal ? '  if (n > m) { v = bitcast<f32>(0xff800000u | (n & 0u)); }' : ''}
  scores[i] = v;
}
${tiledGemm('k')}`,
      }),
      ...softmaxPrograms('scaled_dot_product_attention.softmax', { outer: z.batches * z.l, length: z.s, inner: 1 }, scores, weights, 'safe'),
      gridProgram({
        label: 'scaled_dot_product_attention.values',
        bindings: [
          { name: 'weights', type: 'f32', buffer: weights }, { name: 'v', type: 'f32', buffer: input(2) },
          { name: 'y', type: 'f32', buffer: output(0) },
        ],
        uniforms: { m: u32(z.l), n: u32(z.ev), k: u32(z.s) },
        workgroups: [Math.ceil(z.ev / TILE), Math.ceil(z.l / TILE), z.batches],
        text: () => `fn loadA(batch: u32, m: u32, k: u32) -> f32 { return weights[(batch * u.m + m) * u.k + k]; }
fn loadB(batch: u32, k: u32, n: u32) -> f32 { return v[(batch * u.k + k) * u.n + n]; }
fn store(batch: u32, m: u32, n: u32, sum: f32) { y[(batch * u.m + m) * u.n + n] = sum; }
${tiledGemm('n')}`,
      }),
    ];
  },
  ops(inputs, outputs) {
    const [l, e] = inputs[0]!.shape.slice(-2) as [number, number];
    const s = inputs[1]!.shape.at(-2)!;
    const pairs = numel(inputs[0]!.shape.slice(0, -2)) * l * s;
    return pairs * (2 * e + 5 + 2 * outputs[0]!.shape.at(-1)!);
  },
});

/** Index of the mask's first element for each row of [..., L, S]. */
function rowsOf(walk: Walk): number[] {
  let rows = [0];
  for (let d = 0; d < walk.sizes.length - 1; d++) {
    rows = rows.flatMap((r) => Array.from({ length: walk.sizes[d]! }, (_, i) => r + i * walk.strides[0]![d]!));
  }
  return rows;
}
