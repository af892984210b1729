import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32 } from '../op.ts';
import { describeMeta, integerRange, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, checkIntegers, checkRank, shapeMismatch } from './checks.ts';
import { flatProgram } from './program.ts';
import { KEEP_WGSL, QUANT_WGSL, qInput, rawBytes, roundHalfEven, signedForm } from './qmath.ts';

export interface QUpsampleAttrs {
  readonly mode: 'nearest' | 'bilinear';
  /** Height, width of the result. */
  readonly outputSize: readonly number[];
}

/**
 * upsample_nearest2d and upsample_bilinear2d of packed quint8 or qint8 [N, C, H, W]; the qparams stay. Inputs: x; float32 [outH + outW, 3], for each output row
 * and then each column the first source index, the second, and the weight of the second (see sourceCoordinates).
 */
export const qupsample = defineOp<QUpsampleAttrs>({
  name: 'qupsample',
  layouts: () => ['packed', 'contiguous'],
  infer(inputs, attrs) {
    checkCount('qupsample', inputs, 2);
    const x = inputs[0]!;
    qInput('qupsample', inputs, 0);
    checkRank('qupsample', x, 4);
    checkIntegers('qupsample', 'output size', attrs.outputSize, 2, 1);
    if (attrs.mode !== 'nearest' && attrs.mode !== 'bilinear') throw badAttribute('qupsample', `mode ${String(attrs.mode)} is unknown`);
    if (inputs[1]!.dtype !== 'float32' || numel(inputs[1]!.shape) !== 3 * (attrs.outputSize[0]! + attrs.outputSize[1]!)) {
      throw shapeMismatch('qupsample', `input 1 must hold the coordinates of ${attrs.outputSize.join(' + ')} rows and columns, got ${describeMeta(inputs[1]!)}`);
    }
    return [makeMeta(x.dtype, [x.shape[0]!, x.shape[1]!, ...attrs.outputSize], 'packed', x.q)];
  },
  reference(inputs, outputs, attrs) {
    const [n, c, h, w] = inputs[0]!.meta.shape as [number, number, number, number];
    const [outH, outW] = attrs.outputSize as [number, number];
    const q = qInput('qupsample', [inputs[0]!.meta], 0);
    const { flip, zeroPoint: zero } = signedForm(q);
    const [low, high] = integerRange(q.dtype);
    const x = rawBytes(inputs[0]!);
    const at = inputs[1]!.data as Float32Array;
    const out = rawBytes(outputs[0]!);
    const pitch = ceil4(c);
    const centred = (index: number): number => (((x[index]! ^ flip) << 24) >> 24) - zero;
    for (let b = 0; b < n; b++) {
      for (let oy = 0; oy < outH; oy++) {
        const [y0, y1, ly] = [at[oy * 3]!, at[oy * 3 + 1]!, at[oy * 3 + 2]!];
        for (let ox = 0; ox < outW; ox++) {
          const k = (outH + ox) * 3;
          const [x0, x1, lx] = [at[k]!, at[k + 1]!, at[k + 2]!];
          const top = (b * h + y0) * w;
          const bottom = (b * h + y1) * w;
          const place = ((b * outH + oy) * outW + ox) * pitch;
          for (let ch = 0; ch < c; ch++) {
            if (attrs.mode === 'nearest') { out[place + ch] = x[(top + x0) * pitch + ch]!; continue; }
            const upper = mix(centred((top + x0) * pitch + ch), centred((top + x1) * pitch + ch), lx);
            const lower = mix(centred((bottom + x0) * pitch + ch), centred((bottom + x1) * pitch + ch), lx);
            const v = roundHalfEven(mix(upper, lower, ly)) + q.zeroPoint;
            out[place + ch] = v > low ? (v < high ? v : high) : low;
          }
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const [n, c, h, w] = inputs[0]!.shape as [number, number, number, number];
    if (numel(outputs[0]!.shape) === 0) return [];
    const q = qInput('qupsample', inputs, 0);
    const form = signedForm(q);
    const [low, high] = integerRange(q.dtype);
    const words = ceil4(c) / 4;
    return [flatProgram({
      label: `qupsample.${attrs.mode}`,
      bindings: [{ name: 'x', type: 'u32', buffer: input(0) }, { name: 'coordinates', type: 'f32', buffer: input(1) }, { name: 'y', type: 'u32', buffer: output(0) }],
      uniforms: {
        height: u32(h), width: u32(w), words: u32(words), outH: u32(attrs.outputSize[0]!), outW: u32(attrs.outputSize[1]!),
        flip: u32(form.flip * 0x01010101), inputZero: i32(form.zeroPoint), zeroPoint: i32(q.zeroPoint), low: i32(low), high: i32(high), zero: u32(0),
      },
      invocations: n * attrs.outputSize[0]! * attrs.outputSize[1]! * words,
      helpers: () => `${QUANT_WGSL}${KEEP_WGSL}
fn centred(v: u32) -> vec4<f32> {
  return vec4<f32>(vec4<i32>(signedByte(v, 0u), signedByte(v, 1u), signedByte(v, 2u), signedByte(v, 3u)) - u.inputZero);
}
fn keep4(v: vec4<f32>) -> vec4<f32> { return vec4<f32>(keep(v.x), keep(v.y), keep(v.z), keep(v.w)); }
fn mix4(a: vec4<f32>, b: vec4<f32>, weight: f32) -> vec4<f32> { return keep4(a * (1.0 - weight)) + keep4(b * weight); }
`,
      body: () => `  let word = i % u.words;
  let pixel = i / u.words;
  let ox = pixel % u.outW;
  let oy = (pixel / u.outW) % u.outH;
  let n = pixel / u.outW / u.outH;
  let row = oy * 3u;
  let column = (u.outH + ox) * 3u;
  let top = (n * u.height + u32(coordinates[row])) * u.width;
  let x0 = u32(coordinates[column]);
${attrs.mode === 'nearest' ? '  y[i] = x[(top + x0) * u.words + word];' : `  let bottom = (n * u.height + u32(coordinates[row + 1u])) * u.width;
  let x1 = u32(coordinates[column + 1u]);
  let a = centred(x[(top + x0) * u.words + word] ^ u.flip);
  let b = centred(x[(top + x1) * u.words + word] ^ u.flip);
  let c = centred(x[(bottom + x0) * u.words + word] ^ u.flip);
  let d = centred(x[(bottom + x1) * u.words + word] ^ u.flip);
  let lx = coordinates[column + 2u];
  let v = mix4(mix4(a, b, lx), mix4(c, d, lx), coordinates[row + 2u]);
  y[i] = requantize(v.x, u.zeroPoint, u.low, u.high) | (requantize(v.y, u.zeroPoint, u.low, u.high) << 8u)
    | (requantize(v.z, u.zeroPoint, u.low, u.high) << 16u) | (requantize(v.w, u.zeroPoint, u.low, u.high) << 24u);`}`,
    })];
  },
  ops: (_inputs, outputs) => 6 * numel(outputs[0]!.shape),
});

/** a * (1 - weight) + b * weight, every step in float32. */
function mix(a: number, b: number, weight: number): number {
  return Math.fround(Math.fround(a * Math.fround(1 - weight)) + Math.fround(b * weight));
}

/**
 * Where each output row and column comes from, as PyTorch's area_pixel_compute_source_index.
 * @param scales scale factors of height and width where the model gave them, which PyTorch then uses instead of the ratio of sizes
 */
export function sourceCoordinates(input: TensorMeta, attrs: QUpsampleAttrs, alignCorners: boolean, scales: readonly (number | null)[]): Float32Array {
  const out: number[] = [];
  attrs.outputSize.forEach((size, d) => {
    const from = input.shape[2 + d]!;
    const given = scales[d];
    const ratio = Math.fround(given !== null && given !== undefined && given > 0 ? 1 / given : from / size);
    const aligned = size > 1 ? Math.fround((from - 1) / (size - 1)) : 0;
    for (let o = 0; o < size; o++) {
      if (attrs.mode === 'nearest') {
        // The kernel for floats keeps to o / 2 where the size doubles, whatever scale is given; the quantized one does not.
        const index = Math.min(Math.floor(Math.fround(o * ratio)), from - 1);
        out.push(index, index, 0);
        continue;
      }
      const real = alignCorners ? Math.fround(aligned * o) : Math.max(0, Math.fround(Math.fround(ratio * Math.fround(o + 0.5)) - 0.5));
      const index = Math.min(Math.floor(real), from - 1);
      out.push(index, Math.min(index + 1, from - 1), Math.fround(real - index));
    }
  });
  return Float32Array.from(out);
}
