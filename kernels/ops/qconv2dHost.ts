import { ceil4 } from '../layout.ts';
import type { HostTensor } from '../tensor.ts';
import { products, type Products } from '../wasm/products.ts';
import { integerProduct } from './integerProduct.ts';
import { EPILOGUE, qconvShape, saturate16, type QConv2dAttrs, type QConvShape } from './qconvShape.ts';
import { HostEpilogue } from './qepilogue.ts';
import { gatherRow, weightZeroPoints } from './qgemm.ts';
import { qInput, rawBytes, signedForm } from './qmath.ts';

/** qconv2d on the host: the reference's integers, faster. False where weights have zero points, which no PyTorch observer gives them. */
export function qconv2dHost(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: QConv2dAttrs): boolean {
  const s = qconvShape(inputs.map((t) => t.meta), attrs);
  if (s.batch === 0 || weightZeroPoints(inputs[1]!.meta).some((z) => z !== 0)) return false;
  const epilogue = new HostEpilogue(inputs, attrs, EPILOGUE, s.outputs);
  const out = rawBytes(outputs[0]!);
  if (s.depthwise) {
    depthwise(inputs, s, epilogue, out, attrs.saturatePairs === true);
    return true;
  }
  const wasm = products();
  if (!wasm) return false;
  dense(wasm, inputs, s, epilogue, out);
  return true;
}

/** Patches of output pixels times the weights of a group. */
function dense(wasm: Products, inputs: readonly HostTensor[], s: QConvShape, epilogue: HostEpilogue, out: Uint8Array): void {
  const form = signedForm(qInput('qconv2d', [inputs[0]!.meta], 0));
  const x = rawBytes(inputs[0]!);
  const inPitch = ceil4(s.channels);
  const outPitch = ceil4(s.outputs);
  const perGroup4 = ceil4(s.perGroup);
  const pitch = s.kH * s.kW * perGroup4;
  for (let g = 0; g < s.groups; g++) {
    const firstOut = g * s.outPerGroup;
    const gather = (patches: Int16Array, at: number, pixel: number): void => {
      const n = Math.floor(pixel / (s.outH * s.outW));
      const oy = Math.floor(pixel / s.outW) % s.outH;
      const ox = pixel % s.outW;
      for (let ky = 0; ky < s.kH; ky++) {
        const iy = oy * s.strideH - s.padH + ky * s.dilationH;
        if (iy < 0 || iy >= s.height) continue;
        for (let kx = 0; kx < s.kW; kx++) {
          const ix = ox * s.strideW - s.padW + kx * s.dilationW;
          if (ix < 0 || ix >= s.width) continue;
          gatherRow(x, ((n * s.height + iy) * s.width + ix) * inPitch + g * s.perGroup, s.perGroup, form.flip, form.zeroPoint,
            patches, at + (ky * s.kW + kx) * perGroup4);
        }
      }
    };
    integerProduct(wasm, { weight: inputs[1]!.data as Int8Array, start: firstOut * pitch, outputs: s.outPerGroup, pitch, rows: s.batch * s.outH * s.outW },
      gather, (acc, pixel) => { epilogue.run(acc, firstOut, s.outPerGroup, out, pixel * outPitch + firstOut); });
  }
}

/** Channels innermost, as they lie in memory; the input is centred once. With `saturate`, taps are added as QConv2dAttrs.saturatePairs says. */
function depthwise(inputs: readonly HostTensor[], s: QConvShape, epilogue: HostEpilogue, out: Uint8Array, saturate: boolean): void {
  const q = qInput('qconv2d', [inputs[0]!.meta], 0);
  const { flip, zeroPoint } = signedForm(q);
  const x = rawBytes(inputs[0]!);
  const taps = s.kH * s.kW;
  const c = s.channels;
  const pitch = ceil4(c);
  // The packed weight has one word a tap; here taps come first.
  const w = new Int16Array(taps * c);
  for (let ch = 0; ch < c; ch++) for (let t = 0; t < taps; t++) w[t * c + ch] = inputs[1]!.data[(ch * taps + t) * 4]!;
  // A tap outside the image reads the row behind the input: 0, or where stored values are multiplied, the zero point.
  const outside = x.length;
  const centred = new Int16Array(x.length + c);
  if (saturate) {
    centred.set(x);
    centred.fill(q.zeroPoint, outside);
  } else {
    for (let i = 0; i < x.length; i++) centred[i] = (((x[i]! ^ flip) << 24) >> 24) - zeroPoint;
  }
  const sums = inputs[2]!.data;
  const acc = new Int32Array(c);
  const places = new Int32Array(taps);
  for (let n = 0; n < s.batch; n++) {
    for (let oy = 0; oy < s.outH; oy++) {
      for (let ox = 0; ox < s.outW; ox++) {
        for (let t = 0; t < taps; t++) {
          const iy = oy * s.strideH - s.padH + Math.floor(t / s.kW) * s.dilationH;
          const ix = ox * s.strideW - s.padW + (t % s.kW) * s.dilationW;
          places[t] = iy < 0 || iy >= s.height || ix < 0 || ix >= s.width ? outside : ((n * s.height + iy) * s.width + ix) * pitch;
        }
        if (saturate) {
          for (let ch = 0; ch < c; ch++) acc[ch] = -q.zeroPoint * sums[ch]!;
          for (let t = 0; t < taps; t += 2) addPair(acc, centred, places[t]!, t + 1 < taps ? places[t + 1]! : -1, w, t * c, c);
        } else {
          acc.fill(0);
          for (let t = 0; t < taps; t++) if (places[t] !== outside) addTap(acc, centred, places[t]!, w, t * c, c);
        }
        epilogue.run(acc, 0, c, out, ((n * s.outH + oy) * s.outW + ox) * pitch);
      }
    }
  }
}

function addTap(acc: Int32Array, x: Int16Array, at: number, w: Int16Array, tap: number, c: number): void {
  for (let ch = 0; ch < c; ch++) acc[ch] = acc[ch]! + x[at + ch]! * w[tap + ch]!;
}

/** Two taps in 16 bits that saturate; `second` is -1 behind the last. */
function addPair(acc: Int32Array, x: Int16Array, first: number, second: number, w: Int16Array, tap: number, c: number): void {
  if (second < 0) {
    for (let ch = 0; ch < c; ch++) acc[ch] = acc[ch]! + saturate16(x[first + ch]! * w[tap + ch]!);
    return;
  }
  for (let ch = 0; ch < c; ch++) acc[ch] = acc[ch]! + saturate16(x[first + ch]! * w[tap + ch]! + x[second + ch]! * w[tap + c + ch]!);
}
