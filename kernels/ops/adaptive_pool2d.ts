import { innerSum } from './cascadeSum.ts';
import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32, type KernelOp } from '../op.ts';
import { numel, type TensorMeta } from '../tensor.ts';
import { checkCount, checkIntegers, checkRank, floatInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { rowProgram } from './rows.ts';

/** Attributes of the adaptive poolings: height and width that come out. */
export interface AdaptivePool2dAttrs { readonly outputSize: readonly number[] }

/** Rows that output row `o` of `count` covers: from floor(o * size / count) to ceil((o + 1) * size / count). */
export const adaptiveStart = (o: number, size: number, count: number): number => Math.floor((o * size) / count);
export const adaptiveEnd = (o: number, size: number, count: number): number => Math.ceil(((o + 1) * size) / count);

/** Shape of an adaptive pooling's output, after checks that the int8 kernel shares. */
export function adaptiveShape(op: string, x: TensorMeta, attrs: AdaptivePool2dAttrs): number[] {
  if (x.shape.length !== 3) checkRank(op, x, 4);
  checkIntegers(op, 'output size', attrs.outputSize, 2, 0);
  return [...x.shape.slice(0, -2), ...attrs.outputSize];
}

function adaptive(name: 'adaptive_avg_pool2d' | 'adaptive_max_pool2d'): KernelOp<AdaptivePool2dAttrs> {
  const max = name === 'adaptive_max_pool2d';
  return defineOp<AdaptivePool2dAttrs>({
    name,
    infer(inputs, attrs) {
      checkCount(name, inputs, 1);
      const x = floatInput(name, inputs, 0);
      return [makeMeta(x.dtype, adaptiveShape(name, x, attrs))];
    },
    reference(inputs, outputs, attrs) {
      const { shape } = inputs[0]!.meta;
      const [h, w] = shape.slice(-2) as [number, number];
      const [oh, ow] = attrs.outputSize as [number, number];
      const x = inputs[0]!.data;
      const y = outputs[0]!.data;
      const planes = numel(shape.slice(0, -2));
      let at = 0;
      for (let plane = 0; plane < planes; plane++) {
        for (let oy = 0; oy < oh; oy++) {
          const top = adaptiveStart(oy, h, oh);
          const bottom = adaptiveEnd(oy, h, oh);
          for (let ox = 0; ox < ow; ox++) {
            const left = adaptiveStart(ox, w, ow);
            const right = adaptiveEnd(ox, w, ow);
            let v = max ? -Infinity : 0;
            for (let iy = top; iy < bottom; iy++) {
              for (let k = (plane * h + iy) * w + left; k < (plane * h + iy) * w + right; k++) {
                const e = x[k]!;
                if (!max) v += e;
                else if (e > v || e !== e) v = e;
              }
            }
            y[at++] = max ? v : v / ((bottom - top) * (right - left));
          }
        }
      }
    },
    host(inputs, outputs, attrs) {
      if (max || attrs.outputSize.some((size) => size !== 1)) return false;
      // The global average, which PyTorch computes as a mean.
      const area = inputs[0]!.meta.shape.slice(-2).reduce((a, b) => a * b, 1);
      const y = outputs[0]!.data;
      for (let plane = 0; plane < numel(outputs[0]!.meta.shape); plane++) y[plane] = innerSum(inputs[0]!.data, plane * area, 1, area) / area;
      return true;
    },
    programs(inputs, outputs, attrs) {
      const n = numel(outputs[0]!.shape);
      if (n === 0) return [];
      const [h, w] = inputs[0]!.shape.slice(-2) as [number, number];
      const [oh, ow] = attrs.outputSize as [number, number];
      const bindings = [{ name: 'x', type: 'f32' as const, buffer: input(0) }, { name: 'y', type: 'f32' as const, buffer: output(0) }];
      // The common global average: a workgroup a plane.
      if (!max && oh === 1 && ow === 1 && h * w > 64) {
        return [rowProgram({
          label: `${name}.global`,
          bindings,
          uniforms: { area: u32(h * w) },
          rows: n,
          body: () => `  var sum = 0.0;
  for (var k = lane; k < u.area; k += 64u) { sum += x[row * u.area + k]; }
  let total = reduceSum(lane, sum);
  if (lane == 0u) { y[row] = total / f32(u.area); }`,
        })];
      }
      return [flatProgram({
        label: `${name}.direct`,
        bindings,
        uniforms: { h: u32(h), w: u32(w), oh: u32(oh), ow: u32(ow) },
        invocations: n,
        body: () => `  let ox = i % u.ow;
  let oy = (i / u.ow) % u.oh;
  let plane = i / (u.ow * u.oh);
  let top = oy * u.h / u.oh;
  let bottom = ((oy + 1u) * u.h + u.oh - 1u) / u.oh;
  let left = ox * u.w / u.ow;
  let right = ((ox + 1u) * u.w + u.ow - 1u) / u.ow;
  var v = ${max ? 'x[(plane * u.h + top) * u.w + left]' : '0.0'};
  for (var iy = top; iy < bottom; iy++) {
    for (var ix = left; ix < right; ix++) {
      let e = x[(plane * u.h + iy) * u.w + ix];
      ${max ? 'if (e > v || e != e) { v = e; }' : 'v += e;'}
    }
  }
  y[i] = ${max ? 'v' : 'v / f32((bottom - top) * (right - left))'};`,
      })];
    },
    ops: (inputs) => numel(inputs[0]!.shape),
  });
}

/** torch.nn.functional.adaptive_avg_pool2d of [N, C, H, W] or [C, H, W], float32. */
export const adaptiveAvgPool2d = adaptive('adaptive_avg_pool2d');

/** torch.nn.functional.adaptive_max_pool2d (values only) of [N, C, H, W] or [C, H, W], float32. */
export const adaptiveMaxPool2d = adaptive('adaptive_max_pool2d');
