import { makeMeta } from '../layout.ts';
import { defineOp, f32, i32, input, output, u32, type KernelOp } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { checkCount, checkIntegers, checkRank, floatInput, shapeMismatch } from './checks.ts';
import { flatProgram, type Uniforms } from './program.ts';

/** Attributes of the 2-D upsamplings. */
export interface Upsample2dAttrs {
  readonly outputSize: readonly number[];
  /** The scale factors that the model gives, [h, w], or null where only the size is known: they decide where samples fall. */
  readonly scales: readonly number[] | null;
  /** Bilinear only: corners of input and output meet. */
  readonly alignCorners: boolean;
}

/** Input pixels per output pixel along both axes, as PyTorch computes them in float32. */
function steps(x: TensorMeta, attrs: Upsample2dAttrs, aligned: boolean): [number, number] {
  return [0, 1].map((d) => {
    const size = x.shape[2 + d]!;
    const out = attrs.outputSize[d]!;
    if (aligned) return out > 1 ? Math.fround((size - 1) / (out - 1)) : 0;
    const scale = attrs.scales?.[d];
    return Math.fround(scale !== undefined && scale > 0 ? 1 / scale : size / out);
  }) as [number, number];
}

function shapeOf(op: string, x: TensorMeta, attrs: Upsample2dAttrs): number[] {
  checkRank(op, x, 4);
  checkIntegers(op, 'output size', attrs.outputSize, 2, 1);
  if (x.shape[2]! < 1 || x.shape[3]! < 1) throw shapeMismatch(op, `input ${describeMeta(x)} has no pixels`);
  return [x.shape[0]!, x.shape[1]!, ...attrs.outputSize];
}

/** Nearest input row of output row o. */
function nearest(o: number, step: number, size: number): number {
  return Math.min(size - 1, Math.floor(Math.fround(o * step)));
}

/** The two rows that output row o lies between, and the weight of the second, in float32 as PyTorch has it. */
function between(o: number, step: number, size: number, aligned: boolean): [number, number, number] {
  const at = aligned ? Math.fround(step * o) : Math.max(0, Math.fround(Math.fround(step * (o + 0.5)) - 0.5));
  const low = Math.min(size - 1, Math.floor(at));
  return [low, Math.min(size - 1, low + 1), Math.min(1, Math.max(0, Math.fround(at - low)))];
}

const uniforms = (x: TensorMeta, attrs: Upsample2dAttrs, [sy, sx]: readonly [number, number]): Uniforms => ({
  h: i32(x.shape[2]!), w: i32(x.shape[3]!), oh: u32(attrs.outputSize[0]!), ow: u32(attrs.outputSize[1]!), sy: f32(sy), sx: f32(sx),
});

/** torch's upsample_nearest2d of [N, C, H, W], float32. */
export const upsampleNearest2d: KernelOp<Upsample2dAttrs> = defineOp<Upsample2dAttrs>({
  name: 'upsample_nearest2d',
  infer(inputs, attrs) {
    checkCount('upsample_nearest2d', inputs, 1);
    const x = floatInput('upsample_nearest2d', inputs, 0);
    return [makeMeta(x.dtype, shapeOf('upsample_nearest2d', x, attrs))];
  },
  reference(inputs, outputs, attrs) {
    const { shape } = inputs[0]!.meta;
    const [h, w] = shape.slice(2) as [number, number];
    const [oh, ow] = attrs.outputSize as [number, number];
    const [sy, sx] = steps(inputs[0]!.meta, attrs, false);
    const columns = Int32Array.from({ length: ow }, (_, o) => nearest(o, sx, w));
    let to = 0;
    for (let plane = 0; plane < shape[0]! * shape[1]!; plane++) {
      for (let oy = 0; oy < oh; oy++) {
        const row = (plane * h + nearest(oy, sy, h)) * w;
        for (let ox = 0; ox < ow; ox++) outputs[0]!.data[to++] = inputs[0]!.data[row + columns[ox]!]!;
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    return [flatProgram({
      label: 'upsample_nearest2d.direct',
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'f32', buffer: output(0) }],
      uniforms: uniforms(inputs[0]!, attrs, steps(inputs[0]!, attrs, false)),
      invocations: n,
      body: () => `  let ix = min(u.w - 1, i32(floor(f32(i % u.ow) * u.sx)));
  let iy = min(u.h - 1, i32(floor(f32((i / u.ow) % u.oh) * u.sy)));
  y[i] = x[(i32(i / (u.ow * u.oh)) * u.h + iy) * u.w + ix];`,
    })];
  },
});

/** torch's upsample_bilinear2d of [N, C, H, W], float32. */
export const upsampleBilinear2d: KernelOp<Upsample2dAttrs> = defineOp<Upsample2dAttrs>({
  name: 'upsample_bilinear2d',
  infer(inputs, attrs) {
    checkCount('upsample_bilinear2d', inputs, 1);
    const x = floatInput('upsample_bilinear2d', inputs, 0);
    return [makeMeta(x.dtype, shapeOf('upsample_bilinear2d', x, attrs))];
  },
  reference(inputs, outputs, attrs) {
    const { shape } = inputs[0]!.meta;
    const [h, w] = shape.slice(2) as [number, number];
    const [oh, ow] = attrs.outputSize as [number, number];
    const [sy, sx] = steps(inputs[0]!.meta, attrs, attrs.alignCorners);
    const x = inputs[0]!.data;
    const columns = Array.from({ length: ow }, (_, o) => between(o, sx, w, attrs.alignCorners));
    let to = 0;
    for (let plane = 0; plane < shape[0]! * shape[1]!; plane++) {
      for (let oy = 0; oy < oh; oy++) {
        const [top, bottom, fy] = between(oy, sy, h, attrs.alignCorners);
        const a = (plane * h + top) * w;
        const b = (plane * h + bottom) * w;
        for (let ox = 0; ox < ow; ox++) {
          const [left, right, fx] = columns[ox]!;
          outputs[0]!.data[to++] = (1 - fy) * ((1 - fx) * x[a + left]! + fx * x[a + right]!) + fy * ((1 - fx) * x[b + left]! + fx * x[b + right]!);
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const at = (o: string, step: string): string => (attrs.alignCorners ? `u.${step} * f32(${o})` : `max(0.0, u.${step} * (f32(${o}) + 0.5) - 0.5)`);
    return [flatProgram({
      label: 'upsample_bilinear2d.direct',
      variant: attrs.alignCorners ? 'aligned' : '',
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'f32', buffer: output(0) }],
      uniforms: uniforms(inputs[0]!, attrs, steps(inputs[0]!, attrs, attrs.alignCorners)),
      invocations: n,
      body: () => `  let px = ${at('i % u.ow', 'sx')};
  let py = ${at('(i / u.ow) % u.oh', 'sy')};
  let left = min(u.w - 1, i32(floor(px)));
  let top = min(u.h - 1, i32(floor(py)));
  let right = min(u.w - 1, left + 1);
  let bottom = min(u.h - 1, top + 1);
  let fx = clamp(px - f32(left), 0.0, 1.0);
  let fy = clamp(py - f32(top), 0.0, 1.0);
  let a = (i32(i / (u.ow * u.oh)) * u.h + top) * u.w;
  let b = (i32(i / (u.ow * u.oh)) * u.h + bottom) * u.w;
  y[i] = (1.0 - fy) * ((1.0 - fx) * x[a + left] + fx * x[a + right]) + fy * ((1.0 - fx) * x[b + left] + fx * x[b + right]);`,
    })];
  },
});
