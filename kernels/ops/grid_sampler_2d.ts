import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { checkCount, checkRank, floatInput, shapeMismatch } from './checks.ts';
import { flatProgram } from './program.ts';

export type GridPadding = 'zeros' | 'border' | 'reflection';
/** Attributes of grid_sampler_2d, by torch.nn.functional.grid_sample's names. */
export interface GridSamplerAttrs { readonly mode: 'bilinear' | 'nearest' | 'bicubic'; readonly paddingMode: GridPadding; readonly alignCorners: boolean }

const OP = 'grid_sampler_2d';

function sizesOf(inputs: readonly TensorMeta[]): { x: TensorMeta; grid: TensorMeta } {
  checkCount(OP, inputs, 2);
  const [x, grid] = [floatInput(OP, inputs, 0), floatInput(OP, inputs, 1)];
  checkRank(OP, x, 4);
  checkRank(OP, grid, 4, 'grid');
  if (x.shape[0] !== grid.shape[0] || grid.shape[3] !== 2) throw shapeMismatch(OP, `grid ${describeMeta(grid)} does not fit ${describeMeta(x)}`, 'The grid must be [N, H, W, 2].');
  if (x.shape[2]! < 1 || x.shape[3]! < 1) throw shapeMismatch(OP, `input ${describeMeta(x)} has no pixels`);
  return { x, grid };
}

/** A grid value of -1..1 as a pixel position. */
const unnormalize = (v: number, size: number, aligned: boolean): number => (aligned ? ((v + 1) / 2) * (size - 1) : ((v + 1) * size - 1) / 2);

const clip = (p: number, size: number): number => (p > 0 ? Math.min(size - 1, p) : 0);

/** Mirrors a position at both edges until it is inside; edges lie at pixel centres where corners are aligned, else half a pixel outside. */
function reflect(p: number, size: number, aligned: boolean): number {
  const low = aligned ? 0 : -0.5;
  const span = aligned ? size - 1 : size;
  if (span === 0) return 0;
  const v = Math.abs(p - low);
  const extra = v % span;
  return Math.floor(v / span) % 2 === 0 ? extra + low : span - extra + low;
}

function padded(p: number, size: number, attrs: GridSamplerAttrs): number {
  switch (attrs.paddingMode) {
    case 'border': return clip(p, size);
    case 'reflection': return clip(reflect(p, size, attrs.alignCorners), size);
    default: return p;
  }
}

/** Weights of four neighbours by Keys' cubic convolution with a = -0.75, as PyTorch's bicubic. */
export function cubicWeights(t: number, a = -0.75): [number, number, number, number] {
  const near = (v: number): number => ((a + 2) * v - (a + 3)) * v * v + 1;
  const far = (v: number): number => ((a * v - 5 * a) * v + 8 * a) * v - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** Places and weights along one axis that a position takes its value from. */
function taps(p: number, size: number, attrs: GridSamplerAttrs): [place: number, weight: number][] {
  if (attrs.mode === 'bicubic') {
    const low = Math.floor(p);
    return cubicWeights(p - low).map((w, k) => [padded(low - 1 + k, size, attrs), w]);
  }
  const at = padded(p, size, attrs);
  // Ties to even, as nearbyint.
  if (attrs.mode === 'nearest') { const r = Math.round(at); return [[r - at === 0.5 && r % 2 !== 0 ? r - 1 : r, 1]]; }
  const low = Math.floor(at);
  return [[low, 1 - (at - low)], [low + 1, at - low]];
}

const AXIS_WGSL = (attrs: GridSamplerAttrs): string => {
  const a = attrs.alignCorners;
  const inside = attrs.paddingMode === 'zeros' ? 'p' : attrs.paddingMode === 'border' ? 'clip(p, size)' : 'clip(mirror(p, size), size)';
  return `fn unnormalize(v: f32, size: f32) -> f32 { return ${a ? '(v + 1.0) / 2.0 * (size - 1.0)' : '((v + 1.0) * size - 1.0) / 2.0'}; }
fn clip(p: f32, size: f32) -> f32 { return select(0.0, min(size - 1.0, p), p > 0.0); }
fn mirror(p: f32, size: f32) -> f32 {
  let low = ${a ? '0.0' : '-0.5'};
  let span = ${a ? 'size - 1.0' : 'size'};
  if (span <= 0.0) { return 0.0; }
  let v = abs(p - low);
  let turns = floor(v / span);
  let extra = v - turns * span;
  return select(span - extra + low, extra + low, turns - 2.0 * floor(turns / 2.0) < 0.5);
}
fn padded(p: f32, size: f32) -> f32 { return ${inside}; }
fn near(v: f32) -> f32 { return (1.25 * v - 2.25) * v * v + 1.0; }
fn far(v: f32) -> f32 { return ((-0.75 * v + 3.75) * v - 6.0) * v + 3.0; }
fn pixel(plane: u32, y: f32, x: f32) -> f32 {
  if (!(y >= 0.0 && x >= 0.0 && y < f32(u.h) && x < f32(u.w))) { return 0.0; }
  return image[(plane * u.h + u32(y)) * u.w + u32(x)];
}
`;
};

const SAMPLE_WGSL = {
  nearest: '  out[i] = pixel(plane, round(padded(py, f32(u.h))), round(padded(px, f32(u.w))));',
  bilinear: `  let ay = padded(py, f32(u.h));
  let ax = padded(px, f32(u.w));
  let y0 = floor(ay);
  let x0 = floor(ax);
  let fy = ay - y0;
  let fx = ax - x0;
  out[i] = (1.0 - fy) * ((1.0 - fx) * pixel(plane, y0, x0) + fx * pixel(plane, y0, x0 + 1.0))
    + fy * ((1.0 - fx) * pixel(plane, y0 + 1.0, x0) + fx * pixel(plane, y0 + 1.0, x0 + 1.0));`,
  bicubic: `  let y0 = floor(py);
  let x0 = floor(px);
  let ty = py - y0;
  let tx = px - x0;
  var wy = array<f32, 4>(far(ty + 1.0), near(ty), near(1.0 - ty), far(2.0 - ty));
  var wx = array<f32, 4>(far(tx + 1.0), near(tx), near(1.0 - tx), far(2.0 - tx));
  var sum = 0.0;
  for (var r = 0u; r < 4u; r++) {
    let y = padded(y0 - 1.0 + f32(r), f32(u.h));
    for (var c = 0u; c < 4u; c++) { sum += wy[r] * wx[c] * pixel(plane, y, padded(x0 - 1.0 + f32(c), f32(u.w))); }
  }
  out[i] = sum;`,
} as const;

/**
 * torch.nn.functional.grid_sample of [N, C, H, W] at grid [N, Ho, Wo, 2] (x before y, from -1 to 1), result [N, C, Ho, Wo], float32. A grid value that
 * is not a number samples nothing.
 */
export const gridSampler2d = defineOp<GridSamplerAttrs>({
  name: OP,
  infer(inputs) {
    const { x, grid } = sizesOf(inputs);
    return [makeMeta(x.dtype, [x.shape[0]!, x.shape[1]!, grid.shape[1]!, grid.shape[2]!])];
  },
  reference(inputs, outputs, attrs) {
    const [n, c, h, w] = inputs[0]!.meta.shape as [number, number, number, number];
    const [, oh, ow] = inputs[1]!.meta.shape as [number, number, number];
    const [image, grid] = inputs.map((t) => t.data);
    for (let b = 0; b < n; b++) {
      for (let o = 0; o < oh * ow; o++) {
        const at = (b * oh * ow + o) * 2;
        const columns = taps(unnormalize(grid![at]!, w, attrs.alignCorners), w, attrs).filter(([x]) => x >= 0 && x < w);
        const rows = taps(unnormalize(grid![at + 1]!, h, attrs.alignCorners), h, attrs).filter(([y]) => y >= 0 && y < h);
        for (let k = 0; k < c; k++) {
          const plane = (b * c + k) * h;
          let sum = 0;
          for (const [y, wy] of rows) for (const [x, wx] of columns) sum += wy * wx * image![(plane + y) * w + x]!;
          outputs[0]!.data[(b * c + k) * oh * ow + o] = sum;
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const count = numel(outputs[0]!.shape);
    if (count === 0) return [];
    const [, c, h, w] = inputs[0]!.shape as [number, number, number, number];
    return [flatProgram({
      label: `${OP}.${attrs.mode}`,
      variant: `${attrs.paddingMode}${attrs.alignCorners ? ',aligned' : ''}`,
      bindings: [{ name: 'image', type: 'f32', buffer: input(0) }, { name: 'grid', type: 'f32', buffer: input(1) }, { name: 'out', type: 'f32', buffer: output(0) }],
      uniforms: { c: u32(c), h: u32(h), w: u32(w), pixels: u32(outputs[0]!.shape[2]! * outputs[0]!.shape[3]!) },
      invocations: count,
      helpers: () => AXIS_WGSL(attrs),
      body: () => `  let plane = i / u.pixels;
  let at = ((plane / u.c) * u.pixels + i % u.pixels) * 2u;
  let px = unnormalize(grid[at], f32(u.w));
  let py = unnormalize(grid[at + 1u], f32(u.h));
${SAMPLE_WGSL[attrs.mode]}`,
    })];
  },
  ops: (_inputs, outputs) => numel(outputs[0]!.shape) * 12,
});
