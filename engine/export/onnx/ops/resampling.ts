import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/** Resize to the sizes of the result; batch and channels keep theirs. */
function resize(c: OpCall, attributes: Readonly<Record<string, string>>): string {
  const { shape } = c.out;
  const spatial = shape.slice(2);
  if (c.outputs[0]!.some((m) => m.shape.slice(2).some((d, i) => d !== spatial[i]))) throw new Unexportable('a size that depends on the batch');
  const kept = c.b.op('Slice', [c.b.op('Shape', [c.b.raw(c.item(0))]), c.b.ints([0]), c.b.ints([2])]);
  return c.b.op('Resize', [c.x(0), '', '', c.b.op('Concat', [kept, c.b.ints(spatial)], { axis: 0 })], attributes);
}

const nearest: OpExport = (c) => resize(c, { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' });
const nearestExact: OpExport = (c) => resize(c, { mode: 'nearest', coordinate_transformation_mode: 'half_pixel', nearest_mode: 'round_prefer_ceil' });
const smooth = (mode: 'linear' | 'cubic'): OpExport => (c) => {
  if (c.kind.endsWith('_aa') && c.b.opset < 18) throw new Unexportable('antialiasing before opset 18');
  return resize(c, { mode, coordinate_transformation_mode: c.bool(2) ? 'align_corners' : mode === 'cubic' ? 'half_pixel' : 'pytorch_half_pixel' });
};

export const RESAMPLING: OpTable = {
  ...Object.fromEntries([1, 2, 3].flatMap((n) => [[`aten::upsample_nearest${n}d`, nearest], [`aten::_upsample_nearest_exact${n}d`, nearestExact]])),
  'aten::upsample_linear1d': smooth('linear'), 'aten::upsample_bilinear2d': smooth('linear'), 'aten::upsample_trilinear3d': smooth('linear'), 'aten::upsample_bicubic2d': smooth('cubic'),
};
