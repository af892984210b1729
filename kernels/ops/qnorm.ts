import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, f32, i32, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, checkRank, shapeMismatch } from './checks.ts';
import { EXACT_WGSL } from './exactWgsl.ts';
import { gridProgram, type Uniforms } from './program.ts';
import { KEEP_WGSL, QUANT_WGSL, checkQOutput, inverseScale, qInput, qParamsOf, quantizeValue, rawBytes, signedForm, type QOutput } from './qmath.ts';

export interface QNormAttrs {
  readonly eps: number;
  /**
   * Which weight an element takes: (row % groups) * channelsPerGroup + floor(column / run). layer_norm: groups 1, run 1; group_norm: run is the number
   * of pixels; instance_norm: one channel a group.
   */
  readonly groups: number;
  readonly run: number;
  readonly output: QOutput;
}

/**
 * layer_norm, group_norm and instance_norm of quantized tensors: each row of a quint8/qint8 [M, K] matrix is normalized, scaled and requantized.
 * Inputs: x packed; weight float32 [groups * K / run]; bias, likewise.
 *
 * Source of the steps and their roundings: quantized_normalize_kernel (aten/src/ATen/native/quantized/cpu/kernels/QuantizedOpKernels.cpp). Mean and mean square
 * are integer sums divided once; variance and result are fused multiply-adds, the root is double precision's. With weights per channel (group_norm,
 * instance_norm) the weight goes into the factor first. All devices agree: the GPU computes those steps with their errors (exactWgsl.ts).
 */
export const qnorm = defineOp<QNormAttrs>({
  name: 'qnorm',
  layouts: () => ['packed', 'contiguous', 'contiguous'],
  infer(inputs, attrs) {
    checkCount('qnorm', inputs, 3);
    checkQOutput('qnorm', attrs.output);
    qInput('qnorm', inputs, 0);
    const x = inputs[0]!;
    checkRank('qnorm', x, 2);
    const [rows, columns] = x.shape as [number, number];
    if (!(attrs.eps >= 0)) throw badAttribute('qnorm', `eps must not be negative, got ${attrs.eps}`);
    if (columns % attrs.run !== 0 || rows % attrs.groups !== 0) throw badAttribute('qnorm', `${describeMeta(x)} does not divide into ${attrs.groups} groups and runs of ${attrs.run}`);
    // Sums of squares about the pivot must fit int32.
    if (columns > 32768) throw badAttribute('qnorm', `rows of ${columns} elements are longer than 32768`, 'Normalize this tensor in float.');
    for (const i of [1, 2]) {
      if (inputs[i]!.dtype !== 'float32' || numel(inputs[i]!.shape) !== (attrs.groups * columns) / attrs.run) {
        throw shapeMismatch('qnorm', `weight and bias must hold ${(attrs.groups * columns) / attrs.run} values, got ${describeMeta(inputs[i]!)}`);
      }
    }
    return [makeMeta(attrs.output.dtype, x.shape, 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const [rows, columns] = inputs[0]!.meta.shape as [number, number];
    const pitch = ceil4(columns);
    const x = rawBytes(inputs[0]!);
    const { flip } = signedForm(qInput('qnorm', [inputs[0]!.meta], 0));
    const weight = inputs[1]!.data as Float32Array;
    const bias = inputs[2]!.data as Float32Array;
    const out = rawBytes(outputs[0]!);
    const perGroup = columns / attrs.run;
    const { zeroPoint, low, high } = attrs.output;
    const inverse = inverseScale(attrs.output.scale);
    const c = constants(inputs[0]!.meta, attrs);
    for (let row = 0; row < rows; row++) {
      const at = row * pitch;
      const s = rowStatistics(x, at, columns, flip, c);
      const first = (row % attrs.groups) * perGroup;
      for (let k = 0; k < columns; k++) {
        const channel = first + Math.floor(k / attrs.run);
        const d = Math.fround(((x[at + k]! ^ flip) << 24 >> 24) + c.offset - c.inputZero - s.mean);
        const normal = c.perChannel ? d * Math.fround(s.factor * weight[channel]!) : Math.fround(d * s.factor) * weight[channel]!;
        out[at + k] = quantizeValue(Math.fround(normal + bias[channel]!), inverse, zeroPoint, low, high);
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const [rows, columns] = outputs[0]!.shape as [number, number];
    if (rows * columns === 0) return [];
    const o = attrs.output;
    const c = constants(inputs[0]!, attrs);
    const uniforms: Uniforms = {
      rows: u32(rows), columns: u32(columns), words: u32(ceil4(columns) / 4), flip: u32(signedForm(qInput('qnorm', inputs, 0)).flip * 0x01010101),
      groups: u32(attrs.groups), run: u32(attrs.run), perGroup: u32(columns / attrs.run), count: f32(columns), scale: f32(c.scale),
      eps: f32(attrs.eps), epsRest: f32(attrs.eps - Math.fround(attrs.eps)), offset: i32(c.offset), inputZero: f32(c.inputZero),
      perChannel: u32(c.perChannel ? 1 : 0), inverse: f32(inverseScale(o.scale)), zeroPoint: i32(o.zeroPoint), low: i32(o.low),
      high: i32(o.high), zero: u32(0),
    };
    const x = Math.min(rows, 65535);
    return [gridProgram({
      label: 'qnorm.rows',
      bindings: [
        { name: 'x', type: 'u32', buffer: input(0) }, { name: 'weight', type: 'f32', buffer: input(1) }, { name: 'bias', type: 'f32', buffer: input(2) },
        { name: 'y', type: 'u32', buffer: output(0) },
      ],
      uniforms,
      workgroups: [x, Math.ceil(rows / x), 1],
      text: () => normWgsl(),
    })];
  },
  ops: (inputs) => 8 * numel(inputs[0]!.shape),
});

interface Constants {
  readonly scale: number; readonly eps: number; readonly inputZero: number; readonly perChannel: boolean;
  /** What makes a stored byte, read as signed, the tensor's integer: 128 for quint8. */
  readonly offset: number;
}

function constants(x: TensorMeta, attrs: QNormAttrs): Constants {
  const q = qInput('qnorm', [x], 0);
  return { scale: Math.fround(q.scale), eps: attrs.eps, inputZero: q.zeroPoint, perChannel: attrs.groups > 1 || attrs.run > 1, offset: signedForm(q).flip };
}

/** Mean of the integers above their zero point, and scale / sqrt(variance * scale^2 + eps); 0 where that root is. */
function rowStatistics(x: Uint8Array, at: number, columns: number, flip: number, c: Constants): { mean: number; factor: number } {
  const f = Math.fround;
  let sum = 0;
  let squares = 0;
  for (let k = 0; k < columns; k++) {
    const v = ((x[at + k]! ^ flip) << 24 >> 24) + c.offset;
    sum += v;
    squares += v * v;
  }
  const mean = f(f(sum) / columns);
  const variance = Math.max(f(f(f(squares) / columns) - mean * mean), 0);
  const under = f(f(variance * c.scale) * c.scale) + c.eps;
  return { mean: f(mean - c.inputZero), factor: under === 0 ? 0 : f(c.scale / Math.sqrt(under)) };
}

const WORD = new Uint32Array(1);
const FLOAT = new Float32Array(WORD.buffer);

/** 1 / sqrt(v) by Newton's method from a bit estimate, which the WGSL begins with: the same steps, for its test. 0 gives a large finite number. */
export function inverseSqrt(v: number): number {
  FLOAT[0] = v;
  WORD[0] = 0x5f3759df - (WORD[0]! >>> 1);
  let y = FLOAT[0];
  for (let step = 0; step < 4; step++) {
    const t = Math.fround(Math.fround(v * y) * y);
    y = Math.fround(y * Math.fround(1.5 - Math.fround(0.5 * t)));
  }
  return y;
}

function normWgsl(): string {
  return `${QUANT_WGSL}${KEEP_WGSL}${EXACT_WGSL}
const THREADS = 64u;
var<workgroup> sums: array<vec2<i32>, THREADS>;

fn inverseSqrt4(v: f32) -> f32 {
  var y = bitcast<f32>(0x5f3759dfu - (bitcast<u32>(v) >> 1u));
  for (var step = 0; step < 4; step++) {
    let t = keep(keep(v * y) * y);
    y = keep(y * (1.5 - keep(0.5 * t)));
  }
  return y;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= u.rows) { return; }
  let start = row * u.words;
  // Integers: the order of adding does not matter.
  var mine = vec2<i32>(0);
  for (var w = thread; w < u.words; w += THREADS) {
    let v = x[start + w] ^ u.flip;
    for (var lane = 0u; lane < min(4u, u.columns - w * 4u); lane++) {
      let d = signedByte(v, lane) + u.offset;
      mine += vec2<i32>(d, d * d);
    }
  }
  sums[thread] = mine;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  workgroupBarrier();
  let total = sums[0];
  let whole = quotient(f32(total.x), u.count);
  let variance = max(fused(-whole, whole, quotient(f32(bitcast<u32>(total.y)), u.count)), 0.0);
  let mean = keep(whole - u.inputZero);
  let under = keep(keep(variance * u.scale) * u.scale);
  var factor = 0.0;
  if (under + u.eps > 0.0) { factor = overRoot(u.scale, under, vec2<f32>(u.eps, u.epsRest), inverseSqrt4(under + u.eps)); }
  let firstChannel = (row % u.groups) * u.perGroup;
  for (var w = thread; w < u.words; w += THREADS) {
    let v = x[start + w] ^ u.flip;
    var word = 0u;
    for (var lane = 0u; lane < min(4u, u.columns - w * 4u); lane++) {
      let channel = firstChannel + (w * 4u + lane) / u.run;
      let d = keep(f32(signedByte(v, lane) + u.offset) - u.inputZero) - mean;
      var normal = keep(d);
      var scale = weight[channel];
      if (u.perChannel == 1u) { scale = keep(factor * scale); } else { normal = keep(normal * factor); }
      let value = fused(normal, scale, bias[channel]);
      word |= requantize(value * u.inverse, u.zeroPoint, u.low, u.high) << (lane * 8u);
    }
    y[start + w] = word;
  }
}
`;
}
