import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output } from '../op.ts';
import { numel } from '../tensor.ts';
import { badAttribute, checkCount, floatInput } from './checks.ts';
import { POOL_PLACE, poolSizes, poolUniforms, type PoolWindow } from './pool.ts';
import { flatProgram } from './program.ts';

/** Attributes of avg_pool2d. */
export interface AvgPool2dAttrs extends PoolWindow {
  /** Whether padding counts in the divisor. */
  readonly countIncludePad: boolean;
  /** A divisor for every window, or null. */
  readonly divisorOverride: number | null;
}

/**
 * torch.nn.functional.avg_pool2d of [N, C, H, W] or [C, H, W], float32. With countIncludePad the divisor is the window clipped to the padded
 * input (what ceil mode adds beyond it never counts).
 */
export const avgPool2d = defineOp<AvgPool2dAttrs>({
  name: 'avg_pool2d',
  infer(inputs, attrs) {
    checkCount('avg_pool2d', inputs, 1);
    const x = floatInput('avg_pool2d', inputs, 0);
    const s = poolSizes('avg_pool2d', x, attrs);
    if (attrs.divisorOverride === 0) throw badAttribute('avg_pool2d', 'divisor must not be 0');
    return [makeMeta(x.dtype, [...x.shape.slice(0, -2), s.oh, s.ow])];
  },
  reference(inputs, outputs, attrs) {
    const s = poolSizes('avg_pool2d', inputs[0]!.meta, attrs);
    const x = inputs[0]!.data;
    const y = outputs[0]!.data;
    let at = 0;
    for (let plane = 0; plane < s.planes; plane++) {
      for (let oy = 0; oy < s.oh; oy++) {
        const y0 = oy * s.sh - s.ph;
        const top = Math.max(y0, 0);
        const bottom = Math.min(y0 + s.kh, s.h);
        for (let ox = 0; ox < s.ow; ox++) {
          const x0 = ox * s.sw - s.pw;
          const left = Math.max(x0, 0);
          const right = Math.min(x0 + s.kw, s.w);
          let sum = 0;
          for (let iy = top; iy < bottom; iy++) for (let ix = left; ix < right; ix++) sum = Math.fround(sum + x[(plane * s.h + iy) * s.w + ix]!);
          const padded = (Math.min(y0 + s.kh, s.h + s.ph) - y0) * (Math.min(x0 + s.kw, s.w + s.pw) - x0);
          const divisor = attrs.divisorOverride ?? (attrs.countIncludePad ? padded : (bottom - top) * (right - left));
          y[at++] = bottom <= top || right <= left ? 0 : sum / divisor;
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    const how = attrs.divisorOverride !== null ? 'override' : attrs.countIncludePad ? 'padded' : 'inside';
    const divisor = {
      override: 'u.divisor', padded: '(min(y0 + u.kh, u.h + u.ph) - y0) * (min(x0 + u.kw, u.w + u.pw) - x0)', inside: '(bottom - top) * (right - left)',
    }[how];
    return [flatProgram({
      label: 'avg_pool2d.direct',
      variant: how,
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'f32', buffer: output(0) }],
      uniforms: { ...poolUniforms(poolSizes('avg_pool2d', inputs[0]!, attrs)), divisor: i32(attrs.divisorOverride ?? 1) },
      invocations: n,
      body: () => `${POOL_PLACE}  let top = max(y0, 0);
  let bottom = min(y0 + u.kh, u.h);
  let left = max(x0, 0);
  let right = min(x0 + u.kw, u.w);
  if (bottom <= top || right <= left) { y[i] = 0.0; return; }
  var sum = 0.0;
  for (var iy = top; iy < bottom; iy++) {
    for (var ix = left; ix < right; ix++) { sum += x[(plane + iy) * u.w + ix]; }
  }
  y[i] = sum / f32(${divisor});`,
    })];
  },
  ops: (_inputs, outputs, attrs) => numel(outputs[0]!.shape) * attrs.kernelSize[0]! * attrs.kernelSize[1]!,
});
