/** Embeddings whose tables are quint8 with float scales and zero points a row (aten/src/ATen/native/quantized/cpu/qembeddingbag.cpp). */
import type { Tensor } from '../../../kernels/device/device.ts';
import { emptyHost, forEachIndex, makeMeta } from '../../../kernels/layout.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import { operators, type OpContext } from '../operator.ts';
import { Args, scriptState, type RuntimeValue } from '../value.ts';
import { embeddingBag, selectBy } from './indexing.ts';
import { remember } from './quantizedParams.ts';
import { badArgument } from './support.ts';
import { reshape } from './views.ts';

/** The table [N, E] of an EmbeddingPackedParamsBase, saved as (version, [weight], [], [bits]). Throws RUNTIME_ARGUMENT for any other form. */
function tableOf(op: string, v: RuntimeValue): TensorData {
  const [version, tensors, , bits] = scriptState(v);
  const [weight] = Array.isArray(tensors) ? tensors as Constant[] : [];
  const [width] = Array.isArray(bits) ? bits as Constant[] : [];
  if (version !== 1 || width !== 8 || !(weight instanceof TensorData) || weight.shape.length !== 2) {
    throw badArgument(op, `its packed weight is not an 8-bit table of version 1 (${String(width)} bits, version ${String(version)})`,
      'Quantize the embedding to quint8.');
  }
  return weight;
}

/** scale * q - scale * zero_point a row: the second product is rounded to float32, the first is fused with the sum, as FBGEMM has it. */
function realTable(op: string, weight: TensorData): HostTensor {
  const host = weight.host();
  const { q, shape } = host.meta;
  if (q?.scheme !== 'per_channel_affine' || q.axis !== 0) throw badArgument(op, 'the table needs a scale and a zero point a row');
  const out = emptyHost(makeMeta('float32', shape));
  const scales = Float32Array.from(q.scales);
  const biases = Float32Array.from(q.zeroPoints, (z, i) => -Math.fround(z) * scales[i]!);
  forEachIndex(host.meta, (index, flat) => {
    const row = Math.floor(flat / shape[1]!);
    out.data[flat] = Math.fround(host.data[index]! * scales[row]! + biases[row]!);
  });
  return out;
}

function table(ctx: OpContext, a: Args): Tensor {
  const weight = tableOf(a.op, a.any(0));
  return ctx.constant(remember(weight, 'embedding', () => realTable(a.op, weight)));
}

/** Sums of rows, a bag each; indices [B, L] are B bags of L without offsets. */
async function bags(ctx: OpContext, a: Args): Promise<RuntimeValue> {
  if (a.number(4) !== 0) throw badArgument(a.op, `sums rows only (mode 0), got mode ${a.number(4)}`);
  if (!a.isNone(7)) throw badArgument(a.op, 'tables with rows left out are not read here', 'Quantize the embedding without pruning.');
  const indices = a.tensor(1);
  const [count = 0, length = 0] = indices.meta.shape;
  const given = a.optionalTensor(2);
  if (!given && indices.meta.shape.length !== 2) throw badArgument(a.op, 'indices of one dimension need offsets');
  const starts = given ?? ctx.fromHost('int64', [count], Array.from({ length: count }, (_, i) => i * length));
  const last = given !== null && a.bool(8);
  const flat = reshape(ctx, indices, [-1], a.op);
  const sums = await embeddingBag(ctx, new Args(a.op, [table(ctx, a), flat, starts, false, 0, false, a.optionalTensor(6), last, null])) as Tensor[];
  return sums[0]!;
}

const WEIGHT = '__torch__.torch.classes.quantized.EmbeddingPackedParamsBase weight';
const BAG = `${WEIGHT}, Tensor indices, Tensor? offsets=None, bool scale_grad_by_freq=False, int mode=0, bool pruned_weights=False, `
  + 'Tensor? per_sample_weights=None, Tensor? compressed_indices_mapping=None, bool include_last_offset=False';

export const quantizedEmbeddingOperators = operators({
  [`quantized::embedding_byte(${WEIGHT}, Tensor indices, bool pruned_weights=False) -> Tensor`]: (ctx, a) =>
    selectBy(ctx, table(ctx, a), 0, a.tensor(1)),
  [`quantized::embedding_bag_byte(${BAG}) -> Tensor`]: bags,
});
