import { makeMeta } from '../layout.ts';
import { defineOp, input, output } from '../op.ts';
import { numel } from '../tensor.ts';
import { checkCount, floatInput } from './checks.ts';
import { POOL_PLACE, poolSizes, poolUniforms, type PoolWindow } from './pool.ts';
import { flatProgram } from './program.ts';

/** Attributes of max_pool2d. */
export interface MaxPool2dAttrs extends PoolWindow { readonly dilation: readonly number[] }

/** torch.nn.functional.max_pool2d of [N, C, H, W] or [C, H, W], float32. Padding never wins; NaN does. */
export const maxPool2d = defineOp<MaxPool2dAttrs>({
  name: 'max_pool2d',
  infer(inputs, attrs) {
    checkCount('max_pool2d', inputs, 1);
    const x = floatInput('max_pool2d', inputs, 0);
    const s = poolSizes('max_pool2d', x, attrs, attrs.dilation);
    return [makeMeta(x.dtype, [...x.shape.slice(0, -2), s.oh, s.ow])];
  },
  reference(inputs, outputs, attrs) {
    const s = poolSizes('max_pool2d', inputs[0]!.meta, attrs, attrs.dilation);
    const x = inputs[0]!.data;
    const y = outputs[0]!.data;
    let at = 0;
    for (let plane = 0; plane < s.planes; plane++) {
      for (let oy = 0; oy < s.oh; oy++) {
        for (let ox = 0; ox < s.ow; ox++) {
          let high = -Infinity;
          for (let iy = oy * s.sh - s.ph, ky = 0; ky < s.kh; ky++, iy += s.dh) {
            if (iy < 0 || iy >= s.h) continue;
            const row = (plane * s.h + iy) * s.w;
            for (let ix = ox * s.sw - s.pw, kx = 0; kx < s.kw; kx++, ix += s.dw) {
              if (ix < 0 || ix >= s.w) continue;
              const v = x[row + ix]!;
              if (v > high || v !== v) high = v;
            }
          }
          y[at++] = high;
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const n = numel(outputs[0]!.shape);
    if (n === 0) return [];
    return [flatProgram({
      label: 'max_pool2d.direct',
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'f32', buffer: output(0) }],
      uniforms: poolUniforms(poolSizes('max_pool2d', inputs[0]!, attrs, attrs.dilation)),
      invocations: n,
      body: () => `${POOL_PLACE}  // The bits of -inf: a window always meets a real value unless all its taps are padding.
  var high = bitcast<f32>(0xff800000u | (i & 0u));
  for (var ky = 0; ky < u.kh; ky++) {
    let iy = y0 + ky * u.dh;
    if (iy < 0 || iy >= u.h) { continue; }
    for (var kx = 0; kx < u.kw; kx++) {
      let ix = x0 + kx * u.dw;
      if (ix < 0 || ix >= u.w) { continue; }
      let v = x[(plane + iy) * u.w + ix];
      if (v > high || v != v) { high = v; }
    }
  }
  y[i] = high;`,
    })];
  },
  ops: (_inputs, outputs, attrs) => numel(outputs[0]!.shape) * attrs.kernelSize[0]! * attrs.kernelSize[1]!,
});
