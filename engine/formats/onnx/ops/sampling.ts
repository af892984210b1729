import { ints, type LowerOp } from '../opNode.ts';

const MODES: Readonly<Record<string, number>> = { linear: 0, bilinear: 0, nearest: 1, cubic: 2, bicubic: 2 };
const PADDINGS: Readonly<Record<string, number>> = { zeros: 0, border: 1, reflection: 2 };

const gridSample: LowerOp = (n) => {
  const [mode, padding] = [MODES[n.string('mode', 'linear')], PADDINGS[n.string('padding_mode', 'zeros')]];
  if (mode === undefined || padding === undefined) throw n.invalid(`its mode is ${n.string('mode', '')}, its padding ${n.string('padding_mode', '')}`);
  if (n.rank() !== 4) throw n.unsupported(`it samples volumes of ${n.rank() - 2} dimensions`);
  const [batch, channels] = n.dims()!;
  const [, height, width] = n.dims(1) ?? [];
  return n.out(n.emit('aten::grid_sampler', [n.value(0), n.value(1), mode, padding, n.flag('align_corners', false)]), [batch ?? null, channels ?? null, height ?? null, width ?? null]);
};

/** theta [N, 2, 3] and size [N, C, H, W]. */
const affineGrid: LowerOp = (n) => {
  const size = n.scalars(1);
  if (size.length !== 4) throw n.unsupported(`it makes a grid of ${size.length - 2} dimensions`);
  const known = size.map((s) => (typeof s === 'number' ? s : null));
  return n.out(n.emit('aten::affine_grid_generator', [n.value(0), ints(size), n.flag('align_corners', false)]), [known[0]!, known[2]!, known[3]!, 2]);
};

export const samplingOps: Readonly<Record<string, LowerOp>> = { GridSample: gridSample, AffineGrid: affineGrid };
