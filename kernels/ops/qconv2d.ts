import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type Program } from '../op.ts';
import { numel, type HostTensor, type TensorMeta } from '../tensor.ts';
import { EPILOGUE, qconvShape, saturate16, type QConv2dAttrs, type QConvShape } from './qconvShape.ts';
import { qconv2dHost } from './qconv2dHost.ts';
import { flatProgram, type Uniforms } from './program.ts';
import { gatherRow, multiplyRows, weightZeroPoints } from './qgemm.ts';
import { HostEpilogue, checkEpilogue, lastOutput, positions, wgslEpilogue } from './qepilogue.ts';
import { KEEP_WGSL, QUANT_WGSL, qInput, qParamsOf, rawBytes, signedForm } from './qmath.ts';

/**
 * torch.ops.quantized.conv2d and its fused forms: y = requantize(sum((x - zx) * (w - zw)) * sx * sw + bias). Padding is real zero, that is zx.
 *
 * Inputs: x quint8/qint8 [N, C, H, W]; weight qint8 [O, C/groups, kH, kW], padding bytes zero; int32 [2, O], the sum of each output channel's
 * stored weights and its zero point; then the epilogue's (see qepilogue.ts).
 */
export const qconv2d = defineOp<QConv2dAttrs>({
  name: 'qconv2d',
  layouts: (inputs, attrs) => inputs.map((_, i) => (i < 2 || i === positions(attrs, EPILOGUE).residual ? 'packed' : 'contiguous')),
  infer(inputs, attrs) {
    const s = qconvShape(inputs, attrs);
    const shape = [s.batch, s.outputs, s.outH, s.outW];
    checkEpilogue('qconv2d', inputs, attrs, EPILOGUE, shape, s.outputs);
    const o = lastOutput(attrs);
    return [makeMeta(o.dtype, shape, 'packed', qParamsOf(o))];
  },
  reference(inputs, outputs, attrs) {
    const s = qconvShape(inputs.map((t) => t.meta), attrs);
    const epilogue = new HostEpilogue(inputs, attrs, EPILOGUE, s.outputs);
    const out = rawBytes(outputs[0]!);
    if (attrs.saturatePairs) saturatingReference(inputs, s, epilogue, out);
    else if (s.depthwise) depthwiseReference(inputs, s, epilogue, out);
    else denseReference(inputs, s, epilogue, out);
  },
  host: qconv2dHost,
  programs(inputs, outputs, attrs, caps) {
    if (numel(outputs[0]!.shape) === 0) return [];
    const s = qconvShape(inputs, attrs);
    const zeros = weightZeroPoints(inputs[1]!).every((z) => z === 0);
    const aligned = s.groups === 1 || (s.perGroup % 4 === 0 && s.outPerGroup % 4 === 0);
    if (attrs.saturatePairs) return [saturatingProgram(inputs, s, attrs)];
    if (s.depthwise && zeros) return [depthwiseProgram(inputs, s, attrs)];
    if (zeros && aligned && caps.dot4) return [dot4Program(inputs, s, attrs)];
    return [unpackedProgram(inputs, s, attrs)];
  },
  ops(inputs, outputs) {
    const w = inputs[1]!.shape;
    return 2 * numel(outputs[0]!.shape) * w[1]! * w[2]! * w[3]!;
  },
});

/** Gathers the patches of one output row as a matrix, then multiplies it with the group's weights. */
function denseReference(inputs: readonly HostTensor[], s: QConvShape, epilogue: HostEpilogue, out: Uint8Array): void {
  const q = qInput('qconv2d', [inputs[0]!.meta], 0);
  const form = signedForm(q);
  const x = rawBytes(inputs[0]!);
  const w = inputs[1]!.data as Int8Array;
  const zw = weightZeroPoints(inputs[1]!.meta);
  const pitch = ceil4(s.channels);
  const perGroup4 = ceil4(s.perGroup);
  const k = s.kH * s.kW * perGroup4;
  const outPitch = ceil4(s.outputs);
  const patches = new Int16Array(s.outW * k);
  const acc = new Int32Array(s.outW * s.outPerGroup);
  for (let n = 0; n < s.batch; n++) {
    for (let oy = 0; oy < s.outH; oy++) {
      for (let g = 0; g < s.groups; g++) {
        patches.fill(0);
        for (let ky = 0; ky < s.kH; ky++) {
          const iy = oy * s.strideH - s.padH + ky * s.dilationH;
          if (iy < 0 || iy >= s.height) continue;
          for (let kx = 0; kx < s.kW; kx++) {
            for (let ox = 0; ox < s.outW; ox++) {
              const ix = ox * s.strideW - s.padW + kx * s.dilationW;
              if (ix < 0 || ix >= s.width) continue;
              gatherRow(x, ((n * s.height + iy) * s.width + ix) * pitch + g * s.perGroup, s.perGroup, form.flip, form.zeroPoint,
                patches, ox * k + (ky * s.kW + kx) * perGroup4);
            }
          }
        }
        const first = g * s.outPerGroup;
        multiplyRows(patches, s.outW, w, first * k, s.outPerGroup, k, zw, first, acc);
        const row = ((n * s.outH + oy) * s.outW) * outPitch + first;
        for (let ox = 0; ox < s.outW; ox++) {
          epilogue.run(acc.subarray(ox * s.outPerGroup, (ox + 1) * s.outPerGroup), first, s.outPerGroup, out, row + ox * outPitch);
        }
      }
    }
  }
}

/** Channels innermost, as they lie in memory. */
function depthwiseReference(inputs: readonly HostTensor[], s: QConvShape, epilogue: HostEpilogue, out: Uint8Array): void {
  const { flip, zeroPoint } = signedForm(qInput('qconv2d', [inputs[0]!.meta], 0));
  const x = rawBytes(inputs[0]!);
  const zw = weightZeroPoints(inputs[1]!.meta);
  const taps = s.kH * s.kW;
  const c = s.channels;
  const pitch = ceil4(c);
  // The packed weight has one word a tap; here taps come first.
  const w = new Int16Array(taps * c);
  for (let ch = 0; ch < c; ch++) for (let t = 0; t < taps; t++) w[t * c + ch] = inputs[1]!.data[(ch * taps + t) * 4]! - zw[zw.length === 1 ? 0 : ch]!;
  const acc = new Int32Array(c);
  for (let n = 0; n < s.batch; n++) {
    for (let oy = 0; oy < s.outH; oy++) {
      for (let ox = 0; ox < s.outW; ox++) {
        acc.fill(0);
        for (let ky = 0; ky < s.kH; ky++) {
          const iy = oy * s.strideH - s.padH + ky * s.dilationH;
          if (iy < 0 || iy >= s.height) continue;
          for (let kx = 0; kx < s.kW; kx++) {
            const ix = ox * s.strideW - s.padW + kx * s.dilationW;
            if (ix < 0 || ix >= s.width) continue;
            const at = ((n * s.height + iy) * s.width + ix) * pitch;
            const tap = (ky * s.kW + kx) * c;
            for (let ch = 0; ch < c; ch++) acc[ch] = acc[ch]! + ((((x[at + ch]! ^ flip) << 24) >> 24) - zeroPoint) * w[tap + ch]!;
          }
        }
        epilogue.run(acc, 0, c, out, ((n * s.outH + oy) * s.outW + ox) * pitch);
      }
    }
  }
}

/** The depthwise sum in saturating pairs of taps; see QConv2dAttrs.saturatePairs. */
function saturatingReference(inputs: readonly HostTensor[], s: QConvShape, epilogue: HostEpilogue, out: Uint8Array): void {
  const q = qInput('qconv2d', [inputs[0]!.meta], 0);
  const x = rawBytes(inputs[0]!);
  const w = inputs[1]!.data;
  const sums = inputs[2]!.data;
  const taps = s.kH * s.kW;
  const c = s.channels;
  const pitch = ceil4(c);
  const acc = new Int32Array(c);
  const places = new Int32Array(taps);
  for (let n = 0; n < s.batch; n++) {
    for (let oy = 0; oy < s.outH; oy++) {
      for (let ox = 0; ox < s.outW; ox++) {
        for (let t = 0; t < taps; t++) {
          const iy = oy * s.strideH - s.padH + Math.floor(t / s.kW) * s.dilationH;
          const ix = ox * s.strideW - s.padW + (t % s.kW) * s.dilationW;
          places[t] = iy < 0 || iy >= s.height || ix < 0 || ix >= s.width ? -1 : ((n * s.height + iy) * s.width + ix) * pitch;
        }
        for (let ch = 0; ch < c; ch++) {
          // The packed weight has one word a tap.
          const product = (t: number): number => (t < taps ? (places[t]! < 0 ? q.zeroPoint : x[places[t]! + ch]!) * w[(ch * taps + t) * 4]! : 0);
          let sum = -q.zeroPoint * sums[ch]!;
          for (let t = 0; t < taps; t += 2) sum += saturate16(product(t) + product(t + 1));
          acc[ch] = sum;
        }
        epilogue.run(acc, 0, c, out, ((n * s.outH + oy) * s.outW + ox) * pitch);
      }
    }
  }
}

function uniformsOf(inputs: readonly TensorMeta[], s: QConvShape): Uniforms {
  const form = signedForm(qInput('qconv2d', inputs, 0));
  return {
    height: i32(s.height), width: i32(s.width), inWords: u32(ceil4(s.channels) / 4), outH: u32(s.outH), outW: u32(s.outW), outputs: u32(s.outputs),
    kH: u32(s.kH), kW: u32(s.kW), strideH: i32(s.strideH), strideW: i32(s.strideW), padH: i32(s.padH), padW: i32(s.padW),
    dilationH: i32(s.dilationH), dilationW: i32(s.dilationW), perGroup: u32(s.perGroup), outPerGroup: u32(s.outPerGroup),
    flip: u32(form.flip * 0x01010101), inputZero: i32(form.zeroPoint),
  };
}

/** Bindings, uniforms, key and the text around a kernel whose invocations each write words of four output channels. */
function convProgram(label: string, inputs: readonly TensorMeta[], s: QConvShape, attrs: QConv2dAttrs, spec: {
  pixels: number; variant?: string; body: string; helpers?: string;
}): Program {
  const epilogue = wgslEpilogue(inputs, attrs, EPILOGUE, s.outputs);
  return flatProgram({
    label,
    variant: epilogue.variant + (spec.variant ?? ''),
    bindings: [
      { name: 'x', type: 'u32', buffer: input(0) }, { name: 'weight', type: 'u32', buffer: input(1) }, { name: 'integers', type: 'i32', buffer: input(2) },
      ...epilogue.bindings, { name: 'y', type: 'u32', buffer: output(0) },
    ],
    uniforms: { ...uniformsOf(inputs, s), ...epilogue.uniforms, columns: u32(Math.ceil(s.outW / spec.pixels)) },
    invocations: s.batch * s.outH * Math.ceil(s.outW / spec.pixels) * (ceil4(s.outputs) / 4),
    helpers: () => `${QUANT_WGSL}${KEEP_WGSL}${epilogue.text}${spec.helpers ?? ''}
// The word of four channels from four accumulators. Channels past the last are padding.
fn store(acc: vec4<i32>, pixel: u32, word: u32) {
  let place = pixel * ((u.outputs + 3u) / 4u) + word;
  ${epilogue.joins ? 'let joined = residual[place];' : 'let joined = 0u;'}
  let last = u.outputs - 1u;
  y[place] = finish(acc.x, min(word * 4u, last), byteOf(joined, 0u))
    | (finish(acc.y, min(word * 4u + 1u, last), byteOf(joined, 1u)) << 8u)
    | (finish(acc.z, min(word * 4u + 2u, last), byteOf(joined, 2u)) << 16u)
    | (finish(acc.w, min(word * 4u + 3u, last), byteOf(joined, 3u)) << 24u);
}
`,
    body: () => `  let outWords = (u.outputs + 3u) / 4u;
  let word = i % outWords;
  let column = (i / outWords) % u.columns;
  let line = i / outWords / u.columns;
  let oy = i32(line % u.outH);
  let n = line / u.outH;
${spec.body}`,
  });
}

/** Output columns that one invocation of the dot4 kernel computes: each weight word it loads serves all of them. */
const PIXELS = 4;

/** Four channels of four columns an invocation; all four channels lie in one group. A tap outside the image reads as the zero point. */
function dot4Program(inputs: readonly TensorMeta[], s: QConvShape, attrs: QConv2dAttrs): Program {
  const pixels = s.outW > 1 ? PIXELS : 1;
  const each = (line: (p: number) => string): string => Array.from({ length: pixels }, (_, p) => line(p)).join('\n');
  return convProgram('qconv2d.dot4', inputs, s, attrs, {
    pixels,
    variant: `,p${pixels}`,
    body: `  let o = word * 4u;
  let last = u.outputs - 1u;
  let groupWords = (u.perGroup + 3u) / 4u;
  let rowWords = u.kH * u.kW * groupWords;
  let rows = vec4<u32>(min(o, last), min(o + 1u, last), min(o + 2u, last), min(o + 3u, last)) * rowWords;
  let start = vec4<i32>(integers[min(o, last)], integers[min(o + 1u, last)], integers[min(o + 2u, last)], integers[min(o + 3u, last)]) * -u.inputZero;
  let outside = (u32(u.inputZero) & 255u) * 0x01010101u;
  let groupStart = (o / u.outPerGroup) * groupWords;
  let x0 = i32(column) * ${pixels} * u.strideW - u.padW;
${each((p) => `  var acc${p} = start;`)}
  for (var ky = 0u; ky < u.kH; ky++) {
    let iy = oy * u.strideH - u.padH + i32(ky) * u.dilationH;
    let rowInside = iy >= 0 && iy < u.height;
    let rowStart = (i32(n) * u.height + iy) * u.width;
    for (var kx = 0u; kx < u.kW; kx++) {
      let ix = x0 + i32(kx) * u.dilationW;
${each((p) => `      let ix${p} = ix + ${p} * u.strideW;
      let in${p} = rowInside && ix${p} >= 0 && ix${p} < u.width;
      let at${p} = select(0u, u32(rowStart + ix${p}) * u.inWords + groupStart, in${p});`)}
      let tap = rows + (ky * u.kW + kx) * groupWords;
      for (var c = 0u; c < groupWords; c++) {
        let w = vec4<u32>(weight[tap.x + c], weight[tap.y + c], weight[tap.z + c], weight[tap.w + c]);
${each((p) => `        let v${p} = select(outside, x[at${p} + c] ^ u.flip, in${p});
        acc${p} += vec4<i32>(dot4I8Packed(v${p}, w.x), dot4I8Packed(v${p}, w.y), dot4I8Packed(v${p}, w.z), dot4I8Packed(v${p}, w.w));`)}
      }
    }
  }
  let pixel = (n * u.outH + u32(oy)) * u.outW + column * ${pixels}u;
${each((p) => (p === 0 ? '  store(acc0, pixel, word);' : `  if (column * ${pixels}u + ${p}u < u.outW) { store(acc${p}, pixel + ${p}u, word); }`))}`,
  });
}

/** One input channel for each output channel: a word of x meets one weight byte of each of its four channels. */
function depthwiseProgram(inputs: readonly TensorMeta[], s: QConvShape, attrs: QConv2dAttrs): Program {
  return convProgram('qconv2d.depthwise', inputs, s, attrs, {
    pixels: 1,
    body: `  let taps = u.kH * u.kW;
  let last = u.outputs - 1u;
  let rows = min(vec4<u32>(0u, 1u, 2u, 3u) + word * 4u, vec4<u32>(last)) * taps;
  var acc = vec4<i32>(0);
  for (var ky = 0u; ky < u.kH; ky++) {
    let iy = oy * u.strideH - u.padH + i32(ky) * u.dilationH;
    if (iy < 0 || iy >= u.height) { continue; }
    for (var kx = 0u; kx < u.kW; kx++) {
      let ix = i32(column) * u.strideW - u.padW + i32(kx) * u.dilationW;
      if (ix < 0 || ix >= u.width) { continue; }
      let v = x[u32((i32(n) * u.height + iy) * u.width + ix) * u.inWords + word] ^ u.flip;
      let at = rows + ky * u.kW + kx;
      let w = vec4<i32>(signedByte(weight[at.x], 0u), signedByte(weight[at.y], 0u), signedByte(weight[at.z], 0u), signedByte(weight[at.w], 0u));
      acc += (vec4<i32>(signedByte(v, 0u), signedByte(v, 1u), signedByte(v, 2u), signedByte(v, 3u)) - u.inputZero) * w;
    }
  }
  store(acc, (n * u.outH + u32(oy)) * u.outW + column, word);`,
  });
}

/** The depthwise kernel with sums of two taps that saturate; a tap outside the image reads as the zero point, which the weights' sum takes out again. */
function saturatingProgram(inputs: readonly TensorMeta[], s: QConvShape, attrs: QConv2dAttrs): Program {
  return convProgram('qconv2d.saturating', inputs, s, attrs, {
    pixels: 1,
    body: `  let taps = u.kH * u.kW;
  let last = u.outputs - 1u;
  let channels = min(vec4<u32>(0u, 1u, 2u, 3u) + word * 4u, vec4<u32>(last));
  let rows = channels * taps;
  // Stored quint8, not the signed form: pairs saturate by what is stored.
  let zero = u.inputZero + 128;
  var acc = vec4<i32>(integers[channels.x], integers[channels.y], integers[channels.z], integers[channels.w]) * -zero;
  var pair = vec4<i32>(0);
  for (var t = 0u; t < taps; t++) {
    let iy = oy * u.strideH - u.padH + i32(t / u.kW) * u.dilationH;
    let ix = i32(column) * u.strideW - u.padW + i32(t % u.kW) * u.dilationW;
    let inside = iy >= 0 && iy < u.height && ix >= 0 && ix < u.width;
    let v = x[select(0u, u32((i32(n) * u.height + iy) * u.width + ix) * u.inWords + word, inside)];
    let bytes = select(vec4<i32>(zero), vec4<i32>(vec4<u32>(byteOf(v, 0u), byteOf(v, 1u), byteOf(v, 2u), byteOf(v, 3u))), inside);
    let at = rows + t;
    pair += bytes * vec4<i32>(signedByte(weight[at.x], 0u), signedByte(weight[at.y], 0u), signedByte(weight[at.z], 0u), signedByte(weight[at.w], 0u));
    if (t % 2u == 1u || t + 1u == taps) {
      acc += clamp(pair, vec4<i32>(-32768), vec4<i32>(32767));
      pair = vec4<i32>(0);
    }
  }
  store(acc, (n * u.outH + u32(oy)) * u.outW + column, word);`,
  });
}

/** Byte by byte: any grouping, weights with zero points, adapters without dot4I8Packed. */
function unpackedProgram(inputs: readonly TensorMeta[], s: QConvShape, attrs: QConv2dAttrs): Program {
  return convProgram('qconv2d.unpacked', inputs, s, attrs, {
    pixels: 1,
    helpers: `
fn channel(o: u32, n: u32, oy: i32, column: u32) -> i32 {
  let groupWords = (u.perGroup + 3u) / 4u;
  let firstChannel = (o / u.outPerGroup) * u.perGroup;
  let zeroPoint = integers[u.outputs + o];
  var acc = 0;
  for (var ky = 0u; ky < u.kH; ky++) {
    let iy = oy * u.strideH - u.padH + i32(ky) * u.dilationH;
    if (iy < 0 || iy >= u.height) { continue; }
    for (var kx = 0u; kx < u.kW; kx++) {
      let ix = i32(column) * u.strideW - u.padW + i32(kx) * u.dilationW;
      if (ix < 0 || ix >= u.width) { continue; }
      let pixel = u32((i32(n) * u.height + iy) * u.width + ix) * u.inWords;
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
    body: `  let o = word * 4u;
  let last = u.outputs - 1u;
  let acc = vec4<i32>(channel(min(o, last), n, oy, column), channel(min(o + 1u, last), n, oy, column),
    channel(min(o + 2u, last), n, oy, column), channel(min(o + 3u, last), n, oy, column));
  store(acc, (n * u.outH + u32(oy)) * u.outW + column, word);`,
  });
}
