import { ints, type LowerOp } from '../opNode.ts';
import type { Scalar } from '../values.ts';

const MODES: Readonly<Record<string, number>> = { linear: 0, bilinear: 0, nearest: 1, cubic: 2, bicubic: 2 };
const PADDINGS: Readonly<Record<string, number>> = { zeros: 0, border: 1, reflection: 2 };

const gridSample: LowerOp = (n) => {
  const [mode, padding] = [MODES[n.string('mode', 'linear')], PADDINGS[n.string('padding_mode', 'zeros')]];
  if (mode === undefined || padding === undefined) throw n.invalid(`its mode is ${n.string('mode', '')}, its padding ${n.string('padding_mode', '')}`);
  if (n.rank() !== 4 && n.rank() !== 5) throw n.unsupported(`it samples ${n.rank() - 2} dimensions`);
  const [batch, channels] = n.dims()!;
  const places = n.dims(1)?.slice(1, -1) ?? n.dims()!.slice(2).map(() => null);
  return n.out(n.emit('aten::grid_sampler', [n.value(0), n.value(1), mode, padding, n.flag('align_corners', false)]), [batch ?? null, channels ?? null, ...places]);
};

/** theta [N, 2, 3] and size [N, C, H, W], or theta [N, 3, 4] and size [N, C, D, H, W]. */
const affineGrid: LowerOp = (n) => {
  const size = n.scalars(1);
  if (size.length !== 4 && size.length !== 5) throw n.unsupported(`it makes a grid of ${size.length - 2} dimensions`);
  const known = size.map((s) => (typeof s === 'number' ? s : null));
  return n.out(n.emit('aten::affine_grid_generator', [n.value(0), ints(size), n.flag('align_corners', false)]), [known[0]!, ...known.slice(2), size.length - 2]);
};

/** torch.nn.functional.fold of images, where the pads of both sides are alike. */
const col2im: LowerOp = (n) => {
  const [size, block] = [n.scalars(1), n.scalars(2)];
  if (size.length !== 2 || block.length !== 2) throw n.unsupported(`it folds ${size.length} dimensions`);
  const pads = n.ints('pads') ?? [0, 0, 0, 0];
  if (pads[0] !== pads[2] || pads[1] !== pads[3]) throw n.unsupported(`its pads [${pads.join(', ')}] differ from side to side`);
  const args = [ints(size), ints(block), ints(n.ints('dilations') ?? [1, 1]), ints(pads.slice(0, 2)), ints(n.ints('strides') ?? [1, 1])];
  const known = (s: Scalar | undefined): number | null => (typeof s === 'number' ? s : null);
  return n.out(n.emit('aten::col2im', [n.value(0), ...args]), [n.dims()?.[0] ?? null, null, known(size[0]), known(size[1])]);
};

export const samplingOps: Readonly<Record<string, LowerOp>> = { GridSample: gridSample, AffineGrid: affineGrid, Col2Im: col2im };
