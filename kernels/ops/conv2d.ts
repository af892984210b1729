import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32, i32, type Program } from '../op.ts';
import { numel, type HostArray, type HostTensor } from '../tensor.ts';
import { floatInput } from './checks.ts';
import { conv2dHost } from './conv2dHost.ts';
import { depthwiseRows } from './depthwiseRows.ts';
import { convSizes, insideRange, type Conv2dAttrs, type ConvSizes } from './convSizes.ts';

import { checkEpilogue, epilogueWgsl, finishRow, hostEpilogue, type Epilogue } from './epilogue.ts';
import { TILE, fitsTiles, gemm, tiledGemm } from './gemm.ts';
import { flatProgram, gridProgram, type Binding, type Uniforms } from './program.ts';

/**
 * activation(conv2d(x, weight) + bias + residual). x [N, C, H, W], weight [O, C / groups, kH, kW], bias [O], residual [N, O, oH, oW], float32.
 * The reference sums in double precision and rounds once; host and GPU sum in float32, the host in PyTorch's order (sumOrder.ts).
 */
export const conv2d = defineOp<Conv2dAttrs>({
  name: 'conv2d',
  infer(inputs, attrs) {
    const x = floatInput('conv2d', inputs, 0);
    const weight = floatInput('conv2d', inputs, 1);
    const s = convSizes('conv2d', x, weight, attrs);
    const shape = [s.n, s.oc, s.oh, s.ow];
    checkEpilogue('conv2d', inputs, attrs, s.oc, shape);
    return [makeMeta(x.dtype, shape)];
  },
  reference(inputs, outputs, attrs) {
    const s = convSizes('conv2d', inputs[0]!.meta, inputs[1]!.meta, attrs);
    if (s.cg === 1) depthwiseRows(s, inputs, outputs[0]!, attrs, new Float64Array(s.ow));
    else gemmReference(s, inputs, outputs[0]!, attrs);
  },
  host: (inputs, outputs, attrs) => conv2dHost(convSizes('conv2d', inputs[0]!.meta, inputs[1]!.meta, attrs), inputs, outputs[0]!, attrs),
  programs(inputs, outputs, attrs) {
    const s = convSizes('conv2d', inputs[0]!, inputs[1]!, attrs);
    if (numel(outputs[0]!.shape) === 0) return [];
    const k = s.cg * s.kh * s.kw;
    if (s.og >= 8 && k >= 16 && s.oh * s.ow >= 16 && fitsTiles(s.og, s.oh * s.ow, s.n * s.groups)) return [tiledProgram(s, inputs.length, attrs)];
    return [directProgram(s, inputs.length, attrs)];
  },
  ops(inputs, outputs) {
    const [, cg, kh, kw] = inputs[1]!.shape as [number, number, number, number];
    return 2 * numel(outputs[0]!.shape) * cg * kh * kw;
  },
});

/** im2col in blocks of pixels that stay in cache, then a matrix product with the group's weights. */
function gemmReference(s: ConvSizes, inputs: readonly HostTensor[], y: HostTensor, attrs: Epilogue): void {
  const x = inputs[0]!.data;
  const weight = inputs[1]!.data;
  const epilogue = hostEpilogue(inputs, attrs);
  const k = s.cg * s.kh * s.kw;
  const pixels = s.oh * s.ow;
  const block = Math.min(Math.max(16, Math.min(512, Math.floor(131072 / Math.max(1, k) / 4) * 4)), pixels);
  const patches = new Float32Array(block * k);
  const sums = new Float64Array(s.og * block);
  for (let n = 0; n < s.n; n++) {
    for (let g = 0; g < s.groups; g++) {
      for (let first = 0; first < pixels; first += block) {
        const count = Math.min(block, pixels - first);
        im2col(s, x, (n * s.c + g * s.cg) * s.h * s.w, first, count, patches);
        gemm(weight, g * s.og * k, k, patches, 0, k, s.og, count, k, sums, block);
        for (let o = 0; o < s.og; o++) {
          const oc = g * s.og + o;
          finishRow(y.data, (n * s.oc + oc) * pixels + first, sums, o * block, count, epilogue.bias?.[oc] ?? 0, epilogue);
        }
      }
    }
  }
}

/** Lays the input of `count` output pixels from `first` on side by side: patches[pixel][channel, ky, kx], zero outside. */
function im2col(s: ConvSizes, x: HostArray, plane: number, first: number, count: number, patches: Float32Array): void {
  const k = s.cg * s.kh * s.kw;
  patches.fill(0, 0, count * k);
  const end = first + count;
  for (let oy = Math.floor(first / s.ow); oy * s.ow < end; oy++) {
    const from = Math.max(first, oy * s.ow) - oy * s.ow;
    const to = Math.min(end, (oy + 1) * s.ow) - oy * s.ow;
    for (let ky = 0; ky < s.kh; ky++) {
      const iy = oy * s.sh - s.ph + ky * s.dh;
      if (iy < 0 || iy >= s.h) continue;
      for (let kx = 0; kx < s.kw; kx++) {
        const [low, high] = insideRange(kx * s.dw, s.pw, s.sw, s.w, s.ow);
        const a = Math.max(low, from);
        const b = Math.min(high, to);
        for (let c = 0; c < s.cg; c++) {
          let source = plane + (c * s.h + iy) * s.w + a * s.sw - s.pw + kx * s.dw;
          let target = (oy * s.ow + a - first) * k + (c * s.kh + ky) * s.kw + kx;
          for (let ox = a; ox < b; ox++) { patches[target] = x[source]!; source += s.sw; target += k; }
        }
      }
    }
  }
}

const convUniforms = (s: ConvSizes): Uniforms => ({
  c: u32(s.c), h: i32(s.h), w: i32(s.w), oc: u32(s.oc), kh: u32(s.kh), kw: u32(s.kw), oh: u32(s.oh), ow: u32(s.ow), cg: u32(s.cg), og: u32(s.og),
  sh: i32(s.sh), sw: i32(s.sw), ph: i32(s.ph), pw: i32(s.pw), dh: i32(s.dh), dw: i32(s.dw),
});

function convBindings(count: number, attrs: Epilogue): Binding[] {
  return [
    { name: 'x', type: 'f32', buffer: input(0) }, { name: 'weight', type: 'f32', buffer: input(1) },
    ...epilogueWgsl(count, attrs).bindings, { name: 'y', type: 'f32', buffer: output(0) },
  ];
}

/** One invocation a pixel and up to four output channels of one group, so that an input value is loaded once for four sums. */
function directProgram(s: ConvSizes, count: number, attrs: Epilogue): Program {
  const epilogue = epilogueWgsl(count, attrs);
  const lanes = s.og >= 4 ? 4 : 1;
  const blocks = Math.ceil(s.og / lanes);
  const each = Array.from({ length: lanes }, (_, j) => j);
  const depthwise = s.cg === 1;
  return flatProgram({
    label: depthwise ? 'conv2d.depthwise' : 'conv2d.direct',
    variant: `${lanes},${epilogue.key}`,
    bindings: convBindings(count, attrs),
    uniforms: { ...convUniforms(s), blocks: u32(blocks) },
    invocations: s.n * s.groups * blocks * s.oh * s.ow,
    helpers: epilogue.helpers,
    body: () => `  let ox = i % u.ow;
  let oy = (i / u.ow) % u.oh;
  var rest = i / (u.ow * u.oh);
  let first = (rest % u.blocks) * ${lanes}u;
  rest = rest / u.blocks;
  let groupCount = u.oc / u.og;
  let g = rest % groupCount;
  let n = rest / groupCount;
  let taps = u.cg * u.kh * u.kw;
  let y0 = i32(oy) * u.sh - u.ph;
  let x0 = i32(ox) * u.sw - u.pw;
${each.map((j) => `  var s${j} = 0.0;\n  var w${j} = (g * u.og + min(first + ${j}u, u.og - 1u)) * taps;`).join('\n')}
  for (var c = 0u; c < u.cg; c++) {
    let plane = i32(n * u.c + g * u.cg + c) * u.h;
    for (var ky = 0u; ky < u.kh; ky++) {
      let iy = y0 + i32(ky) * u.dh;
      let inside = iy >= 0 && iy < u.h;
      for (var kx = 0u; kx < u.kw; kx++) {
        let ix = x0 + i32(kx) * u.dw;
        if (inside && ix >= 0 && ix < u.w) {
          let v = x[(plane + iy) * u.w + ix];
${each.map((j) => `          s${j} += v * weight[w${j}];`).join('\n')}
        }
${each.map((j) => `        w${j}++;`).join('\n')}
      }
    }
  }
${each.map((j) => `  if (first + ${j}u < u.og) {
    let channel = g * u.og + first + ${j}u;
    let at = ((n * u.oc + channel) * u.oh + oy) * u.ow + ox;
    y[at] = finish(s${j}, channel, at);
  }`).join('\n')}`,
  });
}

/** The convolution as a matrix product, weights [og, taps] times patches [taps, pixels] that are gathered as tiles are loaded. */
function tiledProgram(s: ConvSizes, count: number, attrs: Epilogue): Program {
  const epilogue = epilogueWgsl(count, attrs);
  return gridProgram({
    label: 'conv2d.tiled',
    variant: epilogue.key,
    bindings: convBindings(count, attrs),
    uniforms: { m: u32(s.og), n: u32(s.oh * s.ow), k: u32(s.cg * s.kh * s.kw), ...convUniforms(s) },
    workgroups: [Math.ceil((s.oh * s.ow) / TILE), Math.ceil(s.og / TILE), s.n * s.groups],
    text: () => `${epilogue.helpers()}
fn loadA(batch: u32, m: u32, k: u32) -> f32 {
  let g = batch % (u.oc / u.og);
  return weight[(g * u.og + m) * u.k + k];
}
fn loadB(batch: u32, k: u32, p: u32) -> f32 {
  let area = u.kh * u.kw;
  let c = k / area;
  let tap = k % area;
  let iy = i32(p / u.ow) * u.sh - u.ph + i32(tap / u.kw) * u.dh;
  let ix = i32(p % u.ow) * u.sw - u.pw + i32(tap % u.kw) * u.dw;
  if (iy < 0 || iy >= u.h || ix < 0 || ix >= u.w) { return 0.0; }
  return x[(i32(batch * u.cg + c) * u.h + iy) * u.w + ix];
}
fn store(batch: u32, m: u32, p: u32, sum: f32) {
  let channel = (batch % (u.oc / u.og)) * u.og + m;
  let at = (batch * u.og + m) * u.n + p;
  y[at] = finish(sum, channel, at);
}
${tiledGemm('n')}`,
  });
}
