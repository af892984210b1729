import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type Program } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, badDType, checkIntegers, checkRank, inputAt, shapeMismatch } from './checks.ts';
import { flatProgram } from './program.ts';
import { HostEpilogue, checkEpilogue, lastOutput, positions, wgslEpilogue, type Epilogue } from './qepilogue.ts';
import { KEEP_WGSL, QUANT_WGSL, qInput, qParamsOf, rawBytes, signedForm } from './qmath.ts';

export interface QConvTranspose2dAttrs extends Epilogue {
  /** Height, width. */
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** The inputs before those of the epilogue: x, weight, channel integers. */
const EPILOGUE = 3;

/**
 * torch.ops.quantized.conv_transpose2d: each output pixel gathers the input pixels whose spread kernel reaches it. Inputs as qconv2d: the weight comes as
 * [O, C/groups, kH, kW], its input and output channels swapped from how PyTorch stores a transposed one.
 */
export const qconvTranspose2d = defineOp<QConvTranspose2dAttrs>({
  name: 'qconvTranspose2d',
  layouts: (inputs, attrs) => inputs.map((_, i) => (i < 2 || i === positions(attrs, EPILOGUE).residual ? 'packed' : 'contiguous')),
  infer(inputs, attrs) {
    const s = shapeOf(inputs, attrs);
    const shape = [s.batch, s.outputs, s.outH, s.outW];
    checkEpilogue('qconvTranspose2d', inputs, attrs, EPILOGUE, shape, s.outputs);
    const o = lastOutput(attrs);
    return [makeMeta(o.dtype, shape, 'packed', qParamsOf(o))];
  },
  reference(inputs, outputs, attrs) {
    const s = shapeOf(inputs.map((t) => t.meta), attrs);
    const { flip, zeroPoint } = signedForm(qInput('qconvTranspose2d', [inputs[0]!.meta], 0));
    const epilogue = new HostEpilogue(inputs, attrs, EPILOGUE, s.outputs);
    const x = rawBytes(inputs[0]!);
    const w = inputs[1]!.data as Int8Array;
    const integers = inputs[2]!.data as Int32Array;
    const out = rawBytes(outputs[0]!);
    const [pitch, outPitch, row] = [ceil4(s.channels), ceil4(s.outputs), ceil4(s.perGroup)];
    const acc = new Int32Array(s.outputs);
    for (let n = 0; n < s.batch; n++) {
      for (let oy = 0; oy < s.outH; oy++) {
        for (let ox = 0; ox < s.outW; ox++) {
          acc.fill(0);
          for (let ky = 0; ky < s.kH; ky++) {
            const iy = sourceOf(oy, ky, attrs, 0, s.height);
            if (iy < 0) continue;
            for (let kx = 0; kx < s.kW; kx++) {
              const ix = sourceOf(ox, kx, attrs, 1, s.width);
              if (ix < 0) continue;
              const pixel = ((n * s.height + iy) * s.width + ix) * pitch;
              for (let o = 0; o < s.outputs; o++) {
                const tap = ((o * s.kH + ky) * s.kW + kx) * row;
                const first = pixel + Math.floor(o / s.outPerGroup) * s.perGroup;
                const zw = integers[s.outputs + o]!;
                let sum = acc[o]!;
                for (let c = 0; c < s.perGroup; c++) sum += ((((x[first + c]! ^ flip) << 24) >> 24) - zeroPoint) * (w[tap + c]! - zw);
                acc[o] = sum;
              }
            }
          }
          epilogue.run(acc, 0, s.outputs, out, ((n * s.outH + oy) * s.outW + ox) * outPitch);
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    return numel(outputs[0]!.shape) === 0 ? [] : [unpackedProgram(inputs, attrs)];
  },
  ops(inputs) {
    const w = inputs[1]!.shape;
    return 2 * numel(inputs[0]!.shape) * (w[0]! / Math.max(1, inputs[0]!.shape[1]! / w[1]!)) * w[2]! * w[3]!;
  },
});

/** The input row (d = 0) or column whose kernel element `k` lands on output `o`; -1 for none. */
function sourceOf(o: number, k: number, a: QConvTranspose2dAttrs, d: number, size: number): number {
  const spread = o + a.padding[d]! - k * a.dilation[d]!;
  if (spread < 0 || spread % a.stride[d]! !== 0) return -1;
  const at = spread / a.stride[d]!;
  return at < size ? at : -1;
}

interface Shape {
  readonly batch: number; readonly channels: number; readonly height: number; readonly width: number; readonly outputs: number; readonly outH: number;
  readonly outW: number; readonly kH: number; readonly kW: number; readonly perGroup: number; readonly outPerGroup: number;
}

function shapeOf(inputs: readonly TensorMeta[], a: QConvTranspose2dAttrs): Shape {
  const op = 'qconvTranspose2d';
  const x = inputAt(op, inputs, 0);
  const w = inputAt(op, inputs, 1);
  qInput(op, inputs, 0);
  checkRank(op, x, 4);
  checkRank(op, w, 4, 'weight');
  if (w.dtype !== 'qint8' || !w.q) throw badDType(op, `the weight must be qint8, got ${describeMeta(w)}`, 'Quantize the weight to qint8.');
  checkIntegers(op, 'stride', a.stride, 2, 1);
  checkIntegers(op, 'padding', a.padding, 2, 0);
  checkIntegers(op, 'output padding', a.outputPadding, 2, 0);
  checkIntegers(op, 'dilation', a.dilation, 2, 1);
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outputs, perGroup, kH, kW] = w.shape as [number, number, number, number];
  if (!Number.isInteger(a.groups) || a.groups < 1 || outputs % a.groups !== 0) throw badAttribute(op, `${outputs} output channels do not divide into ${a.groups} groups`);
  if (perGroup * a.groups !== channels) throw shapeMismatch(op, `the weight ${describeMeta(w)} takes ${perGroup * a.groups} channels, the input ${describeMeta(x)} has ${channels}`);
  if (numel(inputAt(op, inputs, 2).shape) !== 2 * outputs) throw shapeMismatch(op, `channel integers must be [2, ${outputs}], got ${describeMeta(inputs[2]!)}`);
  const size = (n: number, k: number, d: number): number => (n - 1) * a.stride[d]! - 2 * a.padding[d]! + a.dilation[d]! * (k - 1) + a.outputPadding[d]! + 1;
  const outH = size(height, kH, 0);
  const outW = size(width, kW, 1);
  if (outH < 1 || outW < 1) throw shapeMismatch(op, `padding ${a.padding.join('x')} leaves nothing of ${describeMeta(x)}`);
  return { batch, channels, height, width, outputs, outH, outW, kH, kW, perGroup, outPerGroup: outputs / a.groups };
}

/** Four output channels of one pixel an invocation, byte by byte. */
function unpackedProgram(inputs: readonly TensorMeta[], a: QConvTranspose2dAttrs): Program {
  const s = shapeOf(inputs, a);
  const form = signedForm(qInput('qconvTranspose2d', inputs, 0));
  const epilogue = wgslEpilogue(inputs, a, EPILOGUE, s.outputs);
  return flatProgram({
    label: 'qconvTranspose2d.unpacked',
    variant: epilogue.variant,
    bindings: [
      { name: 'x', type: 'u32', buffer: input(0) }, { name: 'weight', type: 'u32', buffer: input(1) }, { name: 'integers', type: 'i32', buffer: input(2) },
      ...epilogue.bindings, { name: 'y', type: 'u32', buffer: output(0) },
    ],
    uniforms: {
      height: i32(s.height), width: i32(s.width), inWords: u32(ceil4(s.channels) / 4), outH: u32(s.outH), outW: u32(s.outW), outputs: u32(s.outputs),
      kH: u32(s.kH), kW: u32(s.kW), strideH: i32(a.stride[0]!), strideW: i32(a.stride[1]!), padH: i32(a.padding[0]!), padW: i32(a.padding[1]!),
      dilationH: i32(a.dilation[0]!), dilationW: i32(a.dilation[1]!), perGroup: u32(s.perGroup), outPerGroup: u32(s.outPerGroup),
      flip: u32(form.flip * 0x01010101), inputZero: i32(form.zeroPoint), ...epilogue.uniforms,
    },
    invocations: s.batch * s.outH * s.outW * (ceil4(s.outputs) / 4),
    helpers: () => `${QUANT_WGSL}${KEEP_WGSL}${epilogue.text}
fn channel(o: u32, n: i32, oy: i32, ox: i32) -> i32 {
  let groupWords = (u.perGroup + 3u) / 4u;
  let firstChannel = (o / u.outPerGroup) * u.perGroup;
  let zeroPoint = integers[u.outputs + o];
  var acc = 0;
  for (var ky = 0u; ky < u.kH; ky++) {
    let sy = oy + u.padH - i32(ky) * u.dilationH;
    if (sy < 0 || sy % u.strideH != 0 || sy / u.strideH >= u.height) { continue; }
    for (var kx = 0u; kx < u.kW; kx++) {
      let sx = ox + u.padW - i32(kx) * u.dilationW;
      if (sx < 0 || sx % u.strideW != 0 || sx / u.strideW >= u.width) { continue; }
      let pixel = u32((n * u.height + sy / u.strideH) * u.width + sx / u.strideW) * u.inWords;
      let tap = ((o * u.kH + ky) * u.kW + kx) * groupWords;
      for (var c = 0u; c < u.perGroup; c++) {
        let at = firstChannel + c;
        acc += (signedByte(x[pixel + at / 4u] ^ u.flip, at % 4u) - u.inputZero) * (signedByte(weight[tap + c / 4u], c % 4u) - zeroPoint);
      }
    }
  }
  return acc;
}
`,
    body: () => `  let outWords = (u.outputs + 3u) / 4u;
  let pixel = i / outWords;
  let ox = i32(pixel % u.outW);
  let oy = i32((pixel / u.outW) % u.outH);
  let n = i32(pixel / u.outW / u.outH);
  let joined = ${epilogue.joins ? 'residual[i]' : '0u'};
  var word = 0u;
  for (var lane = 0u; lane < 4u; lane++) {
    let o = min((i % outWords) * 4u + lane, u.outputs - 1u);
    word |= finish(channel(o, n, oy, ox), o, byteOf(joined, lane)) << (lane * 8u);
  }
  y[i] = word;`,
  });
}
