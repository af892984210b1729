import type { Tensor } from '../../../kernels/device/device.ts';
import { gridSampler2d, type GridPadding } from '../../../kernels/ops/grid_sampler_2d.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runMatmul } from './linear.ts';
import { padWith } from './resampling.ts';
import { scatterFlat } from './scatter.ts';
import { expand, permute, reshape, transpose } from './views.ts';
import { badArgument, reView } from './support.ts';
import { affineVolumeGrid, sampleVolume } from './volumeSampling.ts';

const MODES = ['bilinear', 'nearest', 'bicubic'] as const;
const PADDINGS: readonly GridPadding[] = ['zeros', 'border', 'reflection'];

function gridSample(ctx: OpContext, a: Args): Tensor {
  if (a.tensor(0).meta.shape.length === 5) return sampleVolume(ctx, a);
  const [mode, paddingMode] = [MODES[a.number(2)], PADDINGS[a.number(3)]];
  if (!mode || !paddingMode) throw badArgument(a.op, `there is no interpolation ${a.number(2)} with padding ${a.number(3)}`);
  return ctx.run(gridSampler2d, [a.tensor(0), a.tensor(1)], { mode, paddingMode, alignCorners: a.bool(4) })[0]!;
}

/** torch.nn.functional.affine_grid: theta [N, 2, 3] to a grid [N, H, W, 2]; volumes have their own. */
function affineGrid(ctx: OpContext, a: Args): Tensor {
  const [n, , h, w, ...more] = a.numbers(1) as [number, number, number, number, ...number[]];
  if (more.length > 0) return affineVolumeGrid(ctx, a);
  const at = (i: number, size: number): number => (a.bool(2) ? (size > 1 ? -1 + (2 * i) / (size - 1) : 0) : (2 * i + 1) / size - 1);
  const base = new Float32Array(h * w * 3);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) base.set([at(x, w), at(y, h), 1], (y * w + x) * 3);
  const grid = runMatmul(ctx, expand(ctx, ctx.fromHost('float32', [1, h * w, 3], base), [n, h * w, 3]), transpose(ctx, a.tensor(0), 1, 2));
  return reshape(ctx, grid, [n, h, w, 2], a.op);
}

interface Windows { readonly kernel: number[]; readonly dilation: number[]; readonly padding: number[]; readonly stride: number[] }
const windowsOf = (a: Args, from: number): Windows =>
  ({ kernel: a.numbers(from, 2), dilation: a.numbers(from + 1, 2), padding: a.numbers(from + 2, 2), stride: a.numbers(from + 3, 2) });
/** How many windows fit along an axis. */
const blocks = (size: number, w: Windows, d: number): number =>
  Math.floor((size + 2 * w.padding[d]! - w.dilation[d]! * (w.kernel[d]! - 1) - 1) / w.stride[d]!) + 1;

/** torch.nn.functional.unfold: [N, C, H, W] to [N, C * kh * kw, blocks]; a strided view, copied once. */
function im2col(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  if (x.meta.shape.length === 3) throw badArgument(a.op, 'needs a batch dimension');
  const w = windowsOf(a, 1);
  const [n, c, h, width] = x.meta.shape as [number, number, number, number];
  const [oh, ow] = [blocks(h, w, 0), blocks(width, w, 1)];
  if (oh < 1 || ow < 1) throw badArgument(a.op, `the window [${w.kernel.join(', ')}] does not fit [${h}, ${width}]`);
  const [ph, pw] = w.padding as [number, number];
  const p = ph + pw > 0 ? padWith(ctx, a.op, x, [pw, pw, ph, ph], 'constant', 0) : x;
  const [sn, sc, sh, sw] = p.meta.strides as [number, number, number, number];
  const strides = [sn, sc, sh * w.dilation[0]!, sw * w.dilation[1]!, sh * w.stride[0]!, sw * w.stride[1]!];
  const view = reView(ctx, p, [n, c, w.kernel[0]!, w.kernel[1]!, oh, ow], strides);
  return reshape(ctx, view, [n, c * w.kernel[0]! * w.kernel[1]!, oh * ow], a.op);
}

/** torch.nn.functional.fold: the sum of all blocks at their places, [N, C * kh * kw, blocks] to [N, C, H, W]. */
function col2im(ctx: OpContext, a: Args): Tensor {
  const given = a.tensor(0);
  const x = given.meta.shape.length === 2 ? reshape(ctx, given, [1, ...given.meta.shape]) : given;
  const [h, width] = a.numbers(1, 2) as [number, number];
  const w = windowsOf(a, 2);
  const [kh, kw] = w.kernel as [number, number];
  const [oh, ow] = [blocks(h, w, 0), blocks(width, w, 1)];
  const [n, rows, columns] = x.meta.shape as [number, number, number];
  const channels = rows / (kh * kw);
  if (!Number.isInteger(channels) || columns !== oh * ow) throw badArgument(a.op, `[${x.meta.shape.join(', ')}] are no ${oh * ow} blocks of [${kh}, ${kw}]`);
  // One plane of places inside the padded image; the planes are columns of one matrix, so that all share them.
  const [th, tw] = [h + 2 * w.padding[0]!, width + 2 * w.padding[1]!];
  const places: number[] = [];
  const [sy, sx] = w.stride as [number, number];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const first = i * w.dilation[0]! * tw + j * w.dilation[1]!;
      for (let y = 0; y < oh; y++) for (let v = 0; v < ow; v++) places.push(first + y * sy * tw + v * sx);
    }
  }
  const planes = n * channels;
  const values = reshape(ctx, x, [planes, kh * kw * oh * ow], a.op);
  const all = Array.from({ length: planes }, (_, p) => places.map((at) => p * th * tw + at)).flat();
  const sum = scatterFlat(ctx, a.op, ctx.fromHost('float32', [planes, th, tw], new Float32Array(planes * th * tw)), ctx.fromHost('int64', values.meta.shape, all), values, 'add');
  const [, s1, s2] = sum.meta.strides as [number, number, number];
  const inner = reView(ctx, sum, [planes, h, width], sum.meta.strides, sum.meta.offset + w.padding[0]! * s1 + w.padding[1]! * s2);
  const y = reshape(ctx, inner, [n, channels, h, width], a.op);
  return given.meta.shape.length === 2 ? reshape(ctx, y, [channels, h, width]) : y;
}

const WINDOWS = 'int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride';

/** Sampling at computed places, and images as columns of blocks. */
export const samplingOperators = operators({
  'aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor': gridSample,
  'aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor': gridSample,
  'aten::affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor': affineGrid,
  [`aten::im2col(Tensor self, ${WINDOWS}) -> Tensor`]: im2col,
  [`aten::col2im(Tensor self, int[2] output_size, ${WINDOWS}) -> Tensor`]: col2im,
  'aten::native_channel_shuffle(Tensor self, int groups) -> Tensor': (ctx, a) => {
    const [n, c, ...rest] = a.tensor(0).meta.shape as [number, number, ...number[]];
    const parts = reshape(ctx, a.tensor(0), [n, a.number(1), c / a.number(1), ...rest], a.op);
    return reshape(ctx, permute(ctx, parts, [0, 2, 1, ...rest.map((_, i) => i + 3)]), [n, c, ...rest], a.op);
  },
});
