import { T } from '../../../ir/types.ts';
import { float, ints, type Arg, type LowerOp, type OpNode } from '../opNode.ts';
import { knownNumbers, type Dims, type Scalar } from '../values.ts';

const DIMS = ['', '1d', '2d', '3d'];

/** What Resize asks for: sizes or factors of the spatial dimensions. */
interface Target { readonly sizes: readonly Scalar[] | null; readonly factors: readonly number[] | null }

/** All dimensions' numbers without those of batch and channels, which must stay. */
function spatialPart<S extends Scalar>(n: OpNode, all: readonly S[], axes: readonly number[] | null, isFactor: boolean): readonly S[] {
  const rank = n.rank();
  if (axes) {
    if (axes.some((a, i) => n.axis(a, rank) !== i + 2) || axes.length !== rank - 2) throw n.unsupported(`it resizes the axes [${axes.join(', ')}]`);
    return all;
  }
  if (all.length !== rank) throw n.invalid(`${all.length} sizes or scales are given for ${rank} dimensions`);
  if (isFactor && (all[0] !== 1 || all[1] !== 1)) throw n.unsupported('it resizes batch or channels');
  return all.slice(2);
}

function targetOf(n: OpNode): Target {
  const axes = n.ints('axes');
  if (n.proto.opType === 'Upsample' || n.opset < 11) {
    const scales = n.floats('scales') ?? (n.optional(1) ? knownNumbers(n.input(1)) : null);
    if (!scales) throw n.unsupported('its scales are computed by the model');
    return { sizes: null, factors: spatialPart(n, scales, null, true) };
  }
  if (n.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') throw n.unsupported('it keeps the aspect ratio');
  if (n.optional(3)) return { sizes: spatialPart(n, n.scalars(3), axes, false), factors: null };
  const scales = knownNumbers(n.input(2));
  if (!scales) throw n.unsupported('its scales are computed by the model');
  return { sizes: null, factors: spatialPart(n, scales, axes, true) };
}

const resize: LowerOp = (n) => {
  const { sizes, factors } = targetOf(n);
  const spatial = n.rank() - 2;
  if (spatial < 1 || spatial > 3) throw n.unsupported(`it has ${spatial} spatial dimensions`);
  const old = n.proto.opType === 'Upsample' || n.opset < 11;
  const mode = n.string('mode', 'nearest');
  const how = n.string('coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel');
  const scales: Arg = factors ? { list: factors.map(float), type: T.float } : null;
  const size: Arg = sizes ? ints(sizes) : null;
  const dims: Dims = [n.dims()![0]!, n.dims()![1]!, ...Array.from({ length: spatial }, (_, i) => resized(n, i, sizes, factors))];
  const x = n.value(0);
  if (mode === 'nearest') {
    const rounding = n.string('nearest_mode', old ? 'floor' : 'round_prefer_floor');
    // Whole factors make no difference between PyTorch's rule and the others that exporters use.
    const whole = factors?.every((f) => Number.isInteger(f) && f >= 1) === true;
    const asPyTorch = (how === 'asymmetric' && rounding === 'floor') || (whole && how === 'half_pixel' && (rounding === 'round_prefer_floor' || rounding === 'round_prefer_ceil'));
    if (asPyTorch) return n.out(n.emit(`aten::upsample_nearest${DIMS[spatial]}`, [x, size, scales]), dims);
    if (how === 'half_pixel' && (rounding === 'round_prefer_floor' || rounding === 'floor')) return n.out(n.emit(`aten::_upsample_nearest_exact${DIMS[spatial]}`, [x, size, scales]), dims);
    throw n.unsupported(`it takes the nearest pixel by ${how} and ${rounding}`);
  }
  if (mode !== 'linear' && mode !== 'cubic') throw n.invalid(`its mode is ${mode}`);
  if (n.flag('antialias', false)) throw n.unsupported('it is antialiased');
  const align = how === 'align_corners';
  if (!align && how !== 'half_pixel' && how !== 'pytorch_half_pixel') throw n.unsupported(`its coordinates are ${how}`);
  if (mode === 'cubic') {
    if (spatial !== 2) throw n.unsupported('cubic takes two spatial dimensions');
    if (Math.abs(n.float('cubic_coeff_a', -0.75) + 0.75) > 1e-6) throw n.unsupported('its cubic coefficient is not -0.75');
    return n.out(n.emit('aten::upsample_bicubic2d', [x, size, align, scales]), dims);
  }
  const kind = ['', 'upsample_linear1d', 'upsample_bilinear2d', 'upsample_trilinear3d'][spatial]!;
  return n.out(n.emit(`aten::${kind}`, [x, size, align, scales]), dims);
};

function resized(n: OpNode, i: number, sizes: readonly Scalar[] | null, factors: readonly number[] | null): number | null {
  if (sizes) return typeof sizes[i] === 'number' ? sizes[i] : null;
  const own = n.dims()![2 + i] ?? null;
  return own === null || !factors ? null : Math.floor(own * factors[i]!);
}

const MODES: Readonly<Record<string, string>> = { constant: 'constant', reflect: 'reflect', edge: 'replicate', wrap: 'circular' };

/** PyTorch's pads come in pairs from the last dimension on; dimensions in front that are not padded are left out. */
const pad: LowerOp = (n) => {
  const x = n.value(0);
  const mode = MODES[n.string('mode', 'constant')];
  if (!mode) throw n.invalid(`its mode is ${n.string('mode', '')}`);
  const given = n.opset >= 11 ? n.scalars(1) : n.ints('pads') ?? [];
  const rank = n.rank();
  const axes = (n.opset >= 18 ? n.numbersFrom('', 3) : null)?.map((a) => n.axis(a, rank)) ?? Array.from({ length: rank }, (_, i) => i);
  if (given.length !== 2 * axes.length) throw n.invalid(`${given.length} pads are given for ${axes.length} dimensions`);
  const pairs: [Scalar, Scalar][] = Array.from({ length: rank }, () => [0, 0]);
  axes.forEach((axis, i) => { pairs[axis] = [given[i]!, given[axes.length + i]!]; });
  let first = 0;
  while (first < rank - 1 && pairs[first]!.every((p) => p === 0)) first++;
  if (mode !== 'constant' && rank > 2 && first < 2) throw n.unsupported(`it pads batch or channels in mode ${n.string('mode', '')}`);
  const from = mode === 'constant' ? first : Math.min(first, 2);
  const order = pairs.slice(from).reverse().flat();
  const dims = n.dims()!.map((d, i) => (d !== null && pairs[i]!.every((p) => typeof p === 'number') ? d + (pairs[i]![0] as number) + (pairs[i]![1] as number) : null));
  if (mode !== 'constant') return n.out(n.emit('aten::pad', [x, ints(order), mode, null]), dims);
  const isFloat = n.dtype().startsWith('float');
  const value = n.opset >= 11 ? (n.optional(2) ? n.scalar(2) : 0) : n.float('value', 0);
  return n.out(n.emit('aten::constant_pad_nd', [x, ints(order), isFloat ? float(value) : value]), dims);
};

export const resampleOps: Readonly<Record<string, LowerOp>> = { Resize: resize, Upsample: resize, Pad: pad };
