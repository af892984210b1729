import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkIntegers, checkRank, floatInput, shapeMismatch } from './checks.ts';
import { checkEpilogue, epilogueWgsl, finishRow, hostEpilogue, type Epilogue } from './epilogue.ts';
import { flatProgram } from './program.ts';

/** Attributes of a transposed 2-D convolution, as in torch.nn.functional.conv_transpose2d. */
export interface ConvTranspose2dAttrs extends Epilogue {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

function sizes(x: TensorMeta, weight: TensorMeta, attrs: ConvTranspose2dAttrs) {
  const op = 'conv_transpose2d';
  checkRank(op, x, 4);
  checkRank(op, weight, 4, 'weight');
  checkIntegers(op, 'stride', attrs.stride, 2, 1);
  checkIntegers(op, 'padding', attrs.padding, 2, 0);
  checkIntegers(op, 'output padding', attrs.outputPadding, 2, 0);
  checkIntegers(op, 'dilation', attrs.dilation, 2, 1);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [wc, og, kh, kw] = weight.shape as [number, number, number, number];
  const { groups } = attrs;
  if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0) throw badAttribute(op, `groups ${groups} must divide the ${c} input channels`);
  if (wc !== c) throw shapeMismatch(op, `weight ${describeMeta(weight)} needs ${wc} input channels, got ${describeMeta(x)}`);
  const [sh, sw] = attrs.stride as [number, number];
  const [ph, pw] = attrs.padding as [number, number];
  const [dh, dw] = attrs.dilation as [number, number];
  const oh = (h - 1) * sh - 2 * ph + dh * (kh - 1) + attrs.outputPadding[0]! + 1;
  const ow = (w - 1) * sw - 2 * pw + dw * (kw - 1) + attrs.outputPadding[1]! + 1;
  if (oh < 1 || ow < 1) throw shapeMismatch(op, `padding [${ph}, ${pw}] leaves nothing of ${describeMeta(x)}`);
  return { n, c, h, w, kh, kw, oh, ow, og, cg: c / groups, oc: og * groups, groups, sh, sw, ph, pw, dh, dw };
}

/**
 * activation(conv_transpose2d(x, weight) + bias + residual). x [N, C, H, W], weight [C, O / groups, kH, kW], bias [O], float32. The reference
 * sums in double precision.
 */
export const convTranspose2d = defineOp<ConvTranspose2dAttrs>({
  name: 'conv_transpose2d',
  infer(inputs, attrs) {
    const x = floatInput('conv_transpose2d', inputs, 0);
    const s = sizes(x, floatInput('conv_transpose2d', inputs, 1), attrs);
    const shape = [s.n, s.oc, s.oh, s.ow];
    checkEpilogue('conv_transpose2d', inputs, attrs, s.oc, shape);
    return [makeMeta(x.dtype, shape)];
  },
  reference(inputs, outputs, attrs) {
    const s = sizes(inputs[0]!.meta, inputs[1]!.meta, attrs);
    const x = inputs[0]!.data;
    const weight = inputs[1]!.data;
    const epilogue = hostEpilogue(inputs, attrs);
    const sums = new Float64Array(s.oh * s.ow);
    for (let n = 0; n < s.n; n++) {
      for (let oc = 0; oc < s.oc; oc++) {
        const g = Math.floor(oc / s.og);
        sums.fill(0);
        // Every input pixel spreads over the outputs that its kernel covers.
        for (let c = g * s.cg; c < (g + 1) * s.cg; c++) {
          for (let ky = 0; ky < s.kh; ky++) {
            for (let kx = 0; kx < s.kw; kx++) {
              const v = weight[((c * s.og + (oc % s.og)) * s.kh + ky) * s.kw + kx]!;
              for (let iy = 0; iy < s.h; iy++) {
                const oy = iy * s.sh - s.ph + ky * s.dh;
                if (oy < 0 || oy >= s.oh) continue;
                const from = ((n * s.c + c) * s.h + iy) * s.w;
                let ox = kx * s.dw - s.pw;
                for (let ix = 0; ix < s.w; ix++, ox += s.sw) {
                  if (ox >= 0 && ox < s.ow) sums[oy * s.ow + ox]! += v * x[from + ix]!;
                }
              }
            }
          }
        }
        finishRow(outputs[0]!.data, (n * s.oc + oc) * s.oh * s.ow, sums, 0, s.oh * s.ow, epilogue.bias?.[oc] ?? 0, epilogue);
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const total = numel(outputs[0]!.shape);
    if (total === 0) return [];
    const s = sizes(inputs[0]!, inputs[1]!, attrs);
    const epilogue = epilogueWgsl(inputs.length, attrs);
    return [flatProgram({
      label: 'conv_transpose2d.direct',
      variant: epilogue.key,
      bindings: [
        { name: 'x', type: 'f32', buffer: input(0) }, { name: 'weight', type: 'f32', buffer: input(1) }, ...epilogue.bindings,
        { name: 'y', type: 'f32', buffer: output(0) },
      ],
      uniforms: {
        c: u32(s.c), h: i32(s.h), w: i32(s.w), kh: u32(s.kh), kw: u32(s.kw), oh: u32(s.oh), ow: u32(s.ow), og: u32(s.og), cg: u32(s.cg), oc: u32(s.oc),
        sh: i32(s.sh), sw: i32(s.sw), ph: i32(s.ph), pw: i32(s.pw), dh: i32(s.dh), dw: i32(s.dw),
      },
      invocations: total,
      helpers: epilogue.helpers,
      body: () => `  let ox = i32(i % u.ow);
  let oy = i32((i / u.ow) % u.oh);
  let channel = (i / (u.ow * u.oh)) % u.oc;
  let n = i / (u.ow * u.oh * u.oc);
  let first = (channel / u.og) * u.cg;
  var sum = 0.0;
  for (var ky = 0u; ky < u.kh; ky++) {
    let py = oy + u.ph - i32(ky) * u.dh;
    if (py < 0 || py % u.sh != 0 || py / u.sh >= u.h) { continue; }
    for (var kx = 0u; kx < u.kw; kx++) {
      let px = ox + u.pw - i32(kx) * u.dw;
      if (px < 0 || px % u.sw != 0 || px / u.sw >= u.w) { continue; }
      for (var c = first; c < first + u.cg; c++) {
        sum += x[(i32(n * u.c + c) * u.h + py / u.sh) * u.w + px / u.sw] * weight[((c * u.og + channel % u.og) * u.kh + ky) * u.kw + kx];
      }
    }
  }
  y[i] = finish(sum, channel, i);`,
    })];
  },
  ops(inputs) {
    const [, og, kh, kw] = inputs[1]!.shape as [number, number, number, number];
    return 2 * numel(inputs[0]!.shape) * og * kh * kw;
  },
});
