import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type Program } from '../op.ts';
import { describeMeta, integerRange, numel, type HostTensor, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, checkIntegers, checkRank, inputAt, shapeMismatch } from './checks.ts';
import { flatProgram, type Uniforms } from './program.ts';
import { KEEP_WGSL, QUANT_WGSL, qInput, rawBytes, roundHalfEven, signedForm } from './qmath.ts';

/** Sizes are height, width. */
export interface QPool2dAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly ceilMode: boolean;
}
export interface QMaxPool2dAttrs extends QPool2dAttrs { readonly dilation: readonly number[] }
/**
 * How a mean is rounded; PyTorch's kernels differ. They see it in ties, which windows of an even number of elements often make.
 * - `zeroPointLast`: round, then add the zero point (channels-last tensors)
 * - `zeroPointFirst`: add the zero point to the float mean, then round (contiguous tensors)
 */
export interface MeanRounding { readonly rounding: 'zeroPointLast' | 'zeroPointFirst' }

export interface QAvgPool2dAttrs extends QPool2dAttrs, MeanRounding { readonly countIncludePad: boolean }
export interface QAdaptiveAvgPool2dAttrs extends MeanRounding { readonly outputSize: readonly number[] }

/** max_pool2d of packed quint8 or qint8 [N, C, H, W], on stored integers: the qparams stay. Padding never wins. */
export const qmaxPool2d = defineOp<QMaxPool2dAttrs>({
  name: 'qmaxPool2d',
  layouts: () => ['packed'],
  infer(inputs, attrs) {
    checkCount('qmaxPool2d', inputs, 1);
    const x = imageInput('qmaxPool2d', inputs);
    checkIntegers('qmaxPool2d', 'dilation', attrs.dilation, 2, 1);
    return [pooledMeta('qmaxPool2d', x, attrs, attrs.dilation)];
  },
  reference(inputs, outputs, attrs) {
    const { flip } = signedForm(qInput('qmaxPool2d', [inputs[0]!.meta], 0));
    forEachWindow(inputs[0]!, outputs[0]!, (d, o, size) => {
      const start = o * attrs.stride[d]! - attrs.padding[d]!;
      return { start, end: Math.min(start + (attrs.kernel[d]! - 1) * attrs.dilation[d]! + 1, size), step: attrs.dilation[d]! };
    }, (x, out, place, rows, c, pitch) => {
      for (let ch = 0; ch < c; ch++) {
        let best = -128;
        for (let iy = rows.y0; iy < rows.y1; iy += rows.stepY) {
          for (let ix = rows.x0; ix < rows.x1; ix += rows.stepX) {
            const v = ((x[rows.base + (iy * rows.width + ix) * pitch + ch]! ^ flip) << 24) >> 24;
            if (v > best) best = v;
          }
        }
        out[place + ch] = best ^ flip;
      }
    });
  },
  programs(inputs, outputs, attrs) {
    return poolProgram('qmaxPool2d.words', inputs, outputs, {
      ...slidingUniforms(attrs), dilationH: i32(attrs.dilation[0]!), dilationW: i32(attrs.dilation[1]!),
    }, `  var best = vec4<i32>(-128);
  for (var ky = 0; ky < u.kernelH; ky++) {
    let iy = oy * u.strideH - u.padH + ky * u.dilationH;
    if (iy < 0 || iy >= u.height) { continue; }
    for (var kx = 0; kx < u.kernelW; kx++) {
      let ix = ox * u.strideW - u.padW + kx * u.dilationW;
      if (ix < 0 || ix >= u.width) { continue; }
      let v = x[u32((n * u.height + iy) * u.width + ix) * u.words + word] ^ u.flip;
      best = max(best, vec4<i32>(signedByte(v, 0u), signedByte(v, 1u), signedByte(v, 2u), signedByte(v, 3u)));
    }
  }
  let b = bitcast<vec4<u32>>(best) & vec4<u32>(255u);
  y[i] = (b.x | (b.y << 8u) | (b.z << 16u) | (b.w << 24u)) ^ u.flip;`);
  },
  ops: (_inputs, outputs, attrs) => numel(outputs[0]!.shape) * attrs.kernel[0]! * attrs.kernel[1]!,
});

/**
 * avg_pool2d of packed quint8 or qint8 [N, C, H, W]: sum(q - zero_point) * (1 / count), rounded, plus zero_point; see MeanRounding for the order. The qparams
 * stay.
 * Inputs: x; float32 reciprocals by count (see poolReciprocals).
 */
export const qavgPool2d = defineOp<QAvgPool2dAttrs>({
  name: 'qavgPool2d',
  layouts: () => ['packed', 'contiguous'],
  infer(inputs, attrs) {
    const x = imageInput('qavgPool2d', inputs);
    checkReciprocals('qavgPool2d', inputs, attrs.kernel[0]! * attrs.kernel[1]!);
    return [pooledMeta('qavgPool2d', x, attrs, [1, 1])];
  },
  reference(inputs, outputs, attrs) {
    averageReference(inputs, outputs[0]!, attrs, (d, o, size) => {
      const start = o * attrs.stride[d]! - attrs.padding[d]!;
      const end = Math.min(start + attrs.kernel[d]!, size + attrs.padding[d]!);
      return { start, end: Math.min(end, size), counted: attrs.countIncludePad ? end - start : Math.min(end, size) - Math.max(start, 0) };
    });
  },
  programs(inputs, outputs, attrs) {
    return averageProgram('qavgPool2d.words', inputs, outputs, attrs, { ...slidingUniforms(attrs), includePad: u32(attrs.countIncludePad ? 1 : 0) }, `  var y0 = oy * u.strideH - u.padH;
  var x0 = ox * u.strideW - u.padW;
  var y1 = min(y0 + u.kernelH, u.height + u.padH);
  var x1 = min(x0 + u.kernelW, u.width + u.padW);
  let padded = (y1 - y0) * (x1 - x0);
  y0 = max(y0, 0);
  x0 = max(x0, 0);
  y1 = min(y1, u.height);
  x1 = min(x1, u.width);
  let counted = select((y1 - y0) * (x1 - x0), padded, u.includePad != 0u);`);
  },
  ops: (_inputs, outputs, attrs) => numel(outputs[0]!.shape) * attrs.kernel[0]! * attrs.kernel[1]!,
});

/** adaptive_avg_pool2d of packed quint8 or qint8 [N, C, H, W]; rounding, inputs and qparams as qavgPool2d. The mean over H and W is outputSize [1, 1]. */
export const qadaptiveAvgPool2d = defineOp<QAdaptiveAvgPool2dAttrs>({
  name: 'qadaptiveAvgPool2d',
  layouts: () => ['packed', 'contiguous'],
  infer(inputs, attrs) {
    const x = imageInput('qadaptiveAvgPool2d', inputs);
    checkIntegers('qadaptiveAvgPool2d', 'output size', attrs.outputSize, 2, 1);
    checkReciprocals('qadaptiveAvgPool2d', inputs, largestAdaptiveWindow(x.shape, attrs.outputSize));
    return [makeMeta(x.dtype, [x.shape[0]!, x.shape[1]!, ...attrs.outputSize], 'packed', x.q)];
  },
  reference(inputs, outputs, attrs) {
    averageReference(inputs, outputs[0]!, attrs, (d, o, size) => {
      const out = attrs.outputSize[d]!;
      const start = Math.floor((o * size) / out);
      const end = Math.ceil(((o + 1) * size) / out);
      return { start, end, counted: end - start };
    });
  },
  programs(inputs, outputs, attrs) {
    return averageProgram('qadaptiveAvgPool2d.words', inputs, outputs, attrs, {}, `  let y0 = (oy * u.height) / i32(u.outH);
  let x0 = (ox * u.width) / i32(u.outW);
  let y1 = ((oy + 1) * u.height + i32(u.outH) - 1) / i32(u.outH);
  let x1 = ((ox + 1) * u.width + i32(u.outW) - 1) / i32(u.outW);
  let counted = (y1 - y0) * (x1 - x0);`);
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});

/** 1 / count in float32 for each count up to the largest window: what the average pools multiply by. A divisor override stands for every count. */
export function poolReciprocals(largest: number, divisorOverride: number | null = null): Float32Array {
  return Float32Array.from({ length: largest + 1 }, (_, count) => 1 / Math.max(1, divisorOverride ?? count));
}

/** Elements of the largest window of an adaptive pool over [.., H, W]. */
export function largestAdaptiveWindow(shape: readonly number[], outputSize: readonly number[]): number {
  let product = 1;
  for (const d of [0, 1]) {
    const size = shape[2 + d]!;
    const out = outputSize[d]!;
    let largest = 0;
    for (let o = 0; o < out; o++) largest = Math.max(largest, Math.ceil(((o + 1) * size) / out) - Math.floor((o * size) / out));
    product *= largest;
  }
  return product;
}

function imageInput(op: string, inputs: readonly TensorMeta[]): TensorMeta {
  const x = inputAt(op, inputs, 0);
  qInput(op, inputs, 0);
  checkRank(op, x, 4);
  if (x.shape[2]! < 1 || x.shape[3]! < 1) throw shapeMismatch(op, `cannot pool an empty image, got ${describeMeta(x)}`);
  return x;
}

function checkReciprocals(op: string, inputs: readonly TensorMeta[], largest: number): void {
  checkCount(op, inputs, 2);
  const r = inputs[1]!;
  if (r.dtype !== 'float32' || numel(r.shape) < largest + 1) throw shapeMismatch(op, `input 1 must hold reciprocals of 0 to ${largest}, got ${describeMeta(r)}`);
}

function pooledMeta(op: string, x: TensorMeta, a: QPool2dAttrs, dilation: readonly number[]): TensorMeta {
  checkIntegers(op, 'kernel', a.kernel, 2, 1);
  checkIntegers(op, 'stride', a.stride, 2, 1);
  checkIntegers(op, 'padding', a.padding, 2, 0);
  const size = [0, 1].map((d) => {
    const [k, s, p, n] = [a.kernel[d]!, a.stride[d]!, a.padding[d]!, x.shape[2 + d]!];
    if (p * 2 > k) throw badAttribute(op, `padding ${p} is more than half of the kernel size ${k}`);
    const free = n + 2 * p - dilation[d]! * (k - 1) - 1;
    let out = Math.floor((free + (a.ceilMode ? s - 1 : 0)) / s) + 1;
    // The last window must start inside the image or its left padding.
    if (a.ceilMode && (out - 1) * s >= n + p) out--;
    if (out < 1) throw shapeMismatch(op, `a window of ${a.kernel.join('x')} does not fit ${describeMeta(x)}`);
    return out;
  });
  return makeMeta(x.dtype, [x.shape[0]!, x.shape[1]!, ...size], 'packed', x.q);
}

interface Window { readonly start: number; readonly end: number; readonly step?: number; readonly counted?: number }
interface Rows { base: number; width: number; y0: number; y1: number; x0: number; x1: number; stepY: number; stepX: number; counted: number }

/** Visits every output pixel with its window, clipped to the image. */
function forEachWindow(x: HostTensor, y: HostTensor, window: (d: number, o: number, size: number) => Window,
  visit: (x: Uint8Array, out: Uint8Array, place: number, rows: Rows, channels: number, pitch: number) => void): void {
  const [n, c, h, w] = x.meta.shape as [number, number, number, number];
  const [, , outH, outW] = y.meta.shape as [number, number, number, number];
  const pitch = ceil4(c);
  const from = rawBytes(x);
  const to = rawBytes(y);
  const clip = ({ start, step = 1 }: Window): number => (start >= 0 ? start : start + Math.ceil(-start / step) * step);
  for (let b = 0; b < n; b++) {
    for (let oy = 0; oy < outH; oy++) {
      const wy = window(0, oy, h);
      for (let ox = 0; ox < outW; ox++) {
        const wx = window(1, ox, w);
        const rows: Rows = {
          base: b * h * w * pitch, width: w, y0: clip(wy), y1: wy.end, x0: clip(wx), x1: wx.end, stepY: wy.step ?? 1, stepX: wx.step ?? 1,
          counted: (wy.counted ?? 0) * (wx.counted ?? 0),
        };
        visit(from, to, ((b * outH + oy) * outW + ox) * pitch, rows, c, pitch);
      }
    }
  }
}

function averageReference(inputs: readonly HostTensor[], y: HostTensor, { rounding }: MeanRounding,
  window: (d: number, o: number, size: number) => Window): void {
  const q = qInput('pool', [inputs[0]!.meta], 0);
  const { flip, zeroPoint: zero } = signedForm(q);
  const [low, high] = integerRange(q.dtype);
  const reciprocals = inputs[1]!.data as Float32Array;
  const sums = new Int32Array(inputs[0]!.meta.shape[1]!);
  forEachWindow(inputs[0]!, y, window, (x, out, place, rows, c, pitch) => {
    sums.fill(0);
    for (let iy = rows.y0; iy < rows.y1; iy++) {
      for (let ix = rows.x0; ix < rows.x1; ix++) {
        const at = rows.base + (iy * rows.width + ix) * pitch;
        for (let ch = 0; ch < c; ch++) sums[ch] = sums[ch]! + (((x[at + ch]! ^ flip) << 24) >> 24) - zero;
      }
    }
    const reciprocal = reciprocals[rows.counted]!;
    for (let ch = 0; ch < c; ch++) {
      const mean = Math.fround(Math.fround(sums[ch]!) * reciprocal);
      const v = rounding === 'zeroPointLast' ? roundHalfEven(mean) + q.zeroPoint : roundHalfEven(Math.fround(mean + q.zeroPoint));
      out[place + ch] = v > low ? (v < high ? v : high) : low;
    }
  });
}

function slidingUniforms(a: QPool2dAttrs): Uniforms {
  return {
    kernelH: i32(a.kernel[0]!), kernelW: i32(a.kernel[1]!), strideH: i32(a.stride[0]!), strideW: i32(a.stride[1]!),
    padH: i32(a.padding[0]!), padW: i32(a.padding[1]!),
  };
}

/** One word of four channels of one output pixel an invocation. */
function poolProgram(label: string, inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], uniforms: Uniforms, body: string): Program[] {
  const [n, c, h, w] = inputs[0]!.shape as [number, number, number, number];
  const [, , outH, outW] = outputs[0]!.shape as [number, number, number, number];
  if (numel(outputs[0]!.shape) === 0) return [];
  const q = qInput('pool', inputs, 0);
  const [low, high] = integerRange(q.dtype);
  const form = signedForm(q);
  return [flatProgram({
    label,
    bindings: [
      { name: 'x', type: 'u32', buffer: input(0) },
      ...(inputs.length > 1 ? [{ name: 'reciprocals', type: 'f32' as const, buffer: input(1) }] : []),
      { name: 'y', type: 'u32', buffer: output(0) },
    ],
    uniforms: {
      height: i32(h), width: i32(w), words: u32(ceil4(c) / 4), outH: u32(outH), outW: u32(outW), flip: u32(form.flip * 0x01010101),
      inputZero: i32(form.zeroPoint), zeroPoint: i32(q.zeroPoint), low: i32(low), high: i32(high), zero: u32(0), ...uniforms,
    },
    invocations: n * outH * outW * (ceil4(c) / 4),
    helpers: () => QUANT_WGSL + KEEP_WGSL,
    body: () => `  let word = i % u.words;
  let pixel = i / u.words;
  let ox = i32(pixel % u.outW);
  let oy = i32((pixel / u.outW) % u.outH);
  let n = i32(pixel / u.outW / u.outH);
${body}`,
  })];
}

/** `window` sets y0, y1, x0, x1, clipped to the image, and the count to divide by. */
function averageProgram(label: string, inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], { rounding }: MeanRounding, uniforms: Uniforms,
  window: string): Program[] {
  const byte = (c: string): string => (rounding === 'zeroPointLast'
    ? `requantize(mean.${c}, u.zeroPoint, u.low, u.high)`
    : `requantize(keep(mean.${c}) + f32(u.zeroPoint), 0, u.low, u.high)`);
  return poolProgram(`${label}.${rounding}`, inputs, outputs, uniforms, `${window}
  var sum = vec4<i32>(0);
  for (var iy = y0; iy < y1; iy++) {
    for (var ix = x0; ix < x1; ix++) {
      let v = x[u32((n * u.height + iy) * u.width + ix) * u.words + word] ^ u.flip;
      sum += vec4<i32>(signedByte(v, 0u), signedByte(v, 1u), signedByte(v, 2u), signedByte(v, 3u)) - u.inputZero;
    }
  }
  let mean = vec4<f32>(sum) * reciprocals[counted];
  y[i] = ${byte('x')} | (${byte('y')} << 8u) | (${byte('z')} << 16u) | (${byte('w')} << 24u);`);
}
