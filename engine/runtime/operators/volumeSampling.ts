import type { Tensor } from '../../../kernels/device/device.ts';
import { gather } from '../../../kernels/ops/index_select.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo, runUnary } from './elementwise.ts';
import { runMatmul } from './linear.ts';
import { number } from './promote.ts';
import { badArgument } from './support.ts';
import { expand, reshape, select, transpose, unsqueeze } from './views.ts';

/** A grid value of -1..1 as a position among `size` voxels, brought inside as the padding says. */
function position(ctx: OpContext, v: Tensor, size: number, padding: number, aligned: boolean): Tensor {
  const [factor, shift] = aligned ? [(size - 1) / 2, (size - 1) / 2] : [size / 2, (size - 1) / 2];
  const p = runBinary(ctx, 'add', runBinary(ctx, 'mul', v, number(factor)), number(shift));
  if (padding === 0) return p;
  const inside = padding === 2 ? reflected(ctx, p, aligned ? 0 : -0.5, aligned ? size - 1 : size) : p;
  return runUnary(ctx, inside, 'clamp', [0, size - 1]);
}

/** Positions mirrored at both ends of [low, low + span] until they are inside. */
function reflected(ctx: OpContext, p: Tensor, low: number, span: number): Tensor {
  if (span === 0) return runBinary(ctx, 'mul', p, number(0));
  const off = runBinary(ctx, 'remainder', runBinary(ctx, 'sub', p, number(low)), number(2 * span));
  const back = runBinary(ctx, 'add', runUnary(ctx, off, 'neg'), number(2 * span));
  return runBinary(ctx, 'add', runBinary(ctx, 'minimum', off, back), number(low));
}

/** One neighbour along an axis: its place, and its weight, 0 outside. */
interface Neighbour { readonly place: Tensor; readonly weight: Tensor }

function neighbours(ctx: OpContext, p: Tensor, size: number, nearest: boolean): Neighbour[] {
  const low = runUnary(ctx, p, nearest ? 'round' : 'floor');
  const at = (place: Tensor, weight: Tensor | null): Neighbour => {
    const inside = castTo(ctx, runBinary(ctx, 'logical_and', runBinary(ctx, 'ge', place, number(0)), runBinary(ctx, 'le', place, number(size - 1))), 'float32');
    return { place: runUnary(ctx, place, 'clamp', [0, size - 1]), weight: weight ? runBinary(ctx, 'mul', weight, inside) : inside };
  };
  if (nearest) return [at(low, null)];
  const share = runBinary(ctx, 'sub', p, low);
  return [at(low, runBinary(ctx, 'add', runUnary(ctx, share, 'neg'), number(1))), at(runBinary(ctx, 'add', low, number(1)), share)];
}

/** torch.nn.functional.grid_sample of volumes [N, C, D, H, W] at [N, d, h, w, 3]: eight voxels around each place, or the nearest. */
export function sampleVolume(ctx: OpContext, a: Args): Tensor {
  const [x, grid] = [a.tensor(0), a.tensor(1)];
  const [n, c, ...sizes] = x.meta.shape as [number, number, ...number[]];
  if (sizes.length !== 3 || grid.meta.shape.length !== 5 || grid.meta.shape[4] !== 3 || grid.meta.shape[0] !== n) {
    throw badArgument(a.op, `the grid [${grid.meta.shape.join(', ')}] does not fit the volume [${x.meta.shape.join(', ')}]`);
  }
  const [mode, padding, aligned] = [a.number(2), a.number(3), a.bool(4)];
  if (mode > 1 || padding > 2) throw badArgument(a.op, `there is no interpolation ${mode} with padding ${padding} of volumes`);
  const out = grid.meta.shape.slice(1, 4);
  const count = out.reduce((p, d) => p * d, 1);
  // The grid's last dimension is x, y, z; the volume's are z, y, x.
  const placesOf = (size: number, d: number): Tensor => position(ctx, reshape(ctx, select(ctx, grid, 4, 2 - d), [n, count]), size, padding, aligned);
  const axes = sizes.map((size, d) => neighbours(ctx, placesOf(size, d), size, mode === 1));
  const flat = reshape(ctx, x, [n, c, -1]);
  const [, height, width] = sizes as [number, number, number];
  let sum: Tensor | null = null;
  for (const z of axes[0]!) for (const y of axes[1]!) for (const w of axes[2]!) {
    const rows = runBinary(ctx, 'add', runBinary(ctx, 'mul', z.place, number(height)), y.place);
    // Counted in integers: places of large volumes do not fit a float.
    const place = runBinary(ctx, 'add', runBinary(ctx, 'mul', castTo(ctx, rows, 'int64'), { value: width, dtype: 'int64' }), castTo(ctx, w.place, 'int64'));
    const weight = runBinary(ctx, 'mul', runBinary(ctx, 'mul', z.weight, y.weight), w.weight);
    const index = ctx.toLayout(expand(ctx, unsqueeze(ctx, place, 1), [n, c, count]), 'contiguous');
    const part = runBinary(ctx, 'mul', ctx.run(gather, [flat, index], { dim: 2 })[0]!, unsqueeze(ctx, weight, 1));
    sum = sum ? runBinary(ctx, 'add', sum, part) : part;
  }
  if (!sum) throw badArgument(a.op, 'the volume has no voxels');
  return reshape(ctx, sum, [n, c, ...out]);
}

/** torch.nn.functional.affine_grid of volumes: theta [N, 3, 4] to a grid [N, D, H, W, 3]. */
export function affineVolumeGrid(ctx: OpContext, a: Args): Tensor {
  const [n, , d, h, w] = a.numbers(1) as [number, number, number, number, number];
  const at = (i: number, size: number): number => (a.bool(2) ? (size > 1 ? -1 + (2 * i) / (size - 1) : 0) : (2 * i + 1) / size - 1);
  const base = Float32Array.from({ length: d * h * w * 4 }, (_, k) => {
    const i = Math.floor(k / 4);
    return [at(i % w, w), at(Math.floor(i / w) % h, h), at(Math.floor(i / (w * h)), d), 1][k % 4]!;
  });
  const grid = runMatmul(ctx, expand(ctx, ctx.fromHost('float32', [1, d * h * w, 4], base), [n, d * h * w, 4]), transpose(ctx, a.tensor(0), 1, 2));
  return reshape(ctx, grid, [n, d, h, w, 3], a.op);
}

export const volumeSamplingOperators = operators({
  'aten::grid_sampler_3d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor': sampleVolume,
});
