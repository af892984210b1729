import type { Node, Value } from '../../ir/graph.ts';
import { scalarOf } from '../../passes/nodes.ts';
import { fixedQParams } from '../jit/quantizableOps.ts';

/** What is known of a quantized value. */
export interface KnownQParams { readonly scale: number; readonly zeroPoint: number; readonly dtype: number }

/** Which inputs of an op are its output's scale and zero point. */
const SCALE_INPUT: Record<string, number> = {
  'aten::quantize_per_tensor': 1, 'quantized::cat': 2, 'quantized::hardswish': 1, 'quantized::elu': 1, 'quantized::celu': 1,
  'quantized::layer_norm': 5, 'quantized::group_norm': 5, 'quantized::instance_norm': 4, 'quantized::batch_norm': 6, 'quantized::batch_norm_relu': 6,
};
for (const op of ['conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d', 'linear', 'add', 'mul']) {
  Object.assign(SCALE_INPUT, { [`quantized::${op}`]: 2, [`quantized::${op}_relu`]: 2, [`quantbench::${op}_unary`]: 5 });
  for (const join of ['add', 'mul']) Object.assign(SCALE_INPUT, { [`quantized::${op}_${join}`]: 3, [`quantized::${op}_${join}_relu`]: 3 });
}
Object.assign(SCALE_INPUT, { 'quantbench::unary_table': 2, 'quantbench::pointwise': 2, 'quantbench::table_avg_pool2d': 3 });

/** Ops that keep the qparams of their quantized input. */
const KEEPS = /^aten::(relu_?|relu6_?|max_pool[123]d|avg_pool[123]d|adaptive_avg_pool[123]d|mean|upsample_\w+|hardtanh_?|leaky_relu_?|clamp|flatten|reshape|view|transpose|permute|contiguous|squeeze|unsqueeze|dropout|expand|select|slice|narrow|pad|constant_pad_nd|roll|pixel_shuffle|channel_shuffle|chunk|split|unbind)$/;

/** Scale, zero point and dtype of a quantized value, where the graph tells. */
export function qparamsOf(v: Value): KnownQParams | undefined {
  const n = v.node;
  if (!n) return undefined;
  if (KEEPS.test(n.kind) || n.kind === 'prim::ListUnpack') return qparamsOf(n.input(0));
  const dtype = dtypeOf(n);
  if (dtype === undefined) return undefined;
  if (fixedQParams(n)) return /tanh/.test(n.kind) ? { scale: 2 / 256, zeroPoint: dtype === 12 ? 0 : 128, dtype } : { scale: 1 / 256, zeroPoint: dtype === 12 ? -128 : 0, dtype };
  const at = SCALE_INPUT[n.kind];
  if (at === undefined) return undefined;
  const [scale, zeroPoint] = [scalarOf(n.inputs[at]), scalarOf(n.inputs[at + 1])];
  return typeof scale === 'number' && typeof zeroPoint === 'number' ? { scale, zeroPoint, dtype } : undefined;
}

/** torch's number of the dtype: every quantized op gives what it is given. */
function dtypeOf(n: Node): number | undefined {
  if (n.kind === 'aten::quantize_per_tensor' || n.kind === 'quantbench::pointwise') {
    const d = scalarOf(n.inputs[n.kind === 'quantbench::pointwise' ? 4 : 3]);
    return typeof d === 'number' ? d : undefined;
  }
  if (n.kind === 'prim::ListConstruct' || n.kind === 'prim::ListUnpack' || /^(quantized|quantbench)::/.test(n.kind) || KEEPS.test(n.kind) || fixedQParams(n)) {
    const source = n.inputs[0]?.node;
    return source ? dtypeOf(source) : undefined;
  }
  return undefined;
}
