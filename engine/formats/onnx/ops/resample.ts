import { hostTensor } from '../../../../kernels/layout.ts';
import { TensorData } from '../../../ir/constant.ts';
import { T } from '../../../ir/types.ts';
import { float, ints, SCALAR_TYPE, type Arg, type LowerOp, type OpNode } from '../opNode.ts';
import { knownNumbers, type Dims, type OnnxValue, type Scalar } from '../values.ts';
import { resizeMatrix } from './resizeMatrix.ts';

const DIMS = ['', '1d', '2d', '3d'];

/** What Resize asks for: sizes or factors of the dimensions `axes`. */
interface Target { readonly axes: readonly number[]; readonly sizes: readonly Scalar[] | null; readonly factors: readonly number[] | null }

function targetOf(n: OpNode): Target {
  const rank = n.rank();
  const axes = n.ints('axes')?.map((a) => n.axis(a, rank)) ?? Array.from({ length: rank }, (_, i) => i);
  const checked = (t: Target): Target => {
    const count = (t.sizes ?? t.factors)!.length;
    if (count !== axes.length) throw n.invalid(`${count} sizes or scales are given for ${axes.length} dimensions`);
    return t;
  };
  if (n.proto.opType === 'Upsample' || n.opset < 11) {
    const scales = n.floats('scales') ?? (n.optional(1) ? knownNumbers(n.input(1)) : null);
    if (!scales) throw n.unsupported('its scales are computed by the model');
    return checked({ axes, sizes: null, factors: scales });
  }
  if (n.optional(3)) return checked(keepingAspect(n, { axes, sizes: n.scalars(3), factors: null }));
  const scales = knownNumbers(n.input(2));
  if (!scales) throw n.unsupported('its scales are computed by the model');
  return checked({ axes, sizes: null, factors: scales });
}

/** With an aspect ratio to keep, sizes are bounds, and one scale goes for all axes. */
function keepingAspect(n: OpNode, t: Target): Target {
  const policy = n.string('keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') return t;
  const ratios = t.axes.map((axis, i) => {
    const [size, wanted] = [n.dims()![axis], t.sizes![i]];
    if (typeof size !== 'number' || typeof wanted !== 'number') throw n.unsupported('it keeps the aspect ratio of sizes that are not known');
    return wanted / size;
  });
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  // Halves go up.
  return { axes: t.axes, sizes: t.axes.map((axis) => Math.floor(scale * n.dims()![axis]! + 0.5)), factors: t.axes.map(() => scale) };
}

/** Whether a dimension keeps its size. Batch and channels do where their sizes are not known. */
function stays(n: OpNode, t: Target, i: number): boolean {
  if (!t.sizes) return t.factors![i] === 1;
  const [wanted, size] = [t.sizes[i]!, n.dims()![t.axes[i]!] ?? null];
  return typeof wanted === 'number' && size !== null ? wanted === size && (t.factors?.[i] ?? 1) === 1 : t.axes[i]! < 2;
}

/** Sizes and factors of the spatial dimensions, where batch and channels stay. */
function spatialTarget(n: OpNode, t: Target): Target | null {
  const rank = n.rank();
  if (t.axes.some((axis, i) => axis < 2 && !stays(n, t, i))) return null;
  const at = Array.from({ length: rank - 2 }, (_, i) => t.axes.indexOf(i + 2));
  if (at.includes(-1)) return null;
  return { axes: at.map((_, i) => i + 2), sizes: t.sizes && at.map((i) => t.sizes![i]!), factors: t.factors && at.map((i) => t.factors![i]!) };
}

const resize: LowerOp = (n) => {
  const target = targetOf(n);
  const spatial = n.string('keep_aspect_ratio_policy', 'stretch') === 'stretch' ? spatialTarget(n, target) : null;
  const op = spatial && pytorchResize(n, spatial);
  if (op && spatial) {
    const dims: Dims = [n.dims()![0]!, n.dims()![1]!, ...spatial.axes.map((axis, i) => resized(n, axis, i, spatial))];
    const scales: Arg = spatial.factors && { list: spatial.factors.map(float), type: T.float };
    return n.out(n.emit(op.kind, [n.value(0), spatial.sizes ? ints(spatial.sizes) : null, ...op.args, scales]), dims);
  }
  return resizeByMatrices(n, target);
};

/** PyTorch's operator for it and its arguments between sizes and scales; null where there is none that gives the same. */
function pytorchResize(n: OpNode, { sizes, factors, axes }: Target): { kind: string; args: readonly Arg[] } | null {
  const spatial = axes.length;
  if (spatial < 1 || spatial > 3) return null;
  const old = n.proto.opType === 'Upsample' || n.opset < 11;
  const mode = n.string('mode', 'nearest');
  const how = n.string('coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel');
  // Whole factors make no difference between PyTorch's rule and the others that exporters use.
  const ratio = (axis: number, i: number): number | null => {
    const [wanted, size] = [sizes![i], n.dims()![axis]];
    return typeof wanted === 'number' && typeof size === 'number' ? wanted / size : null;
  };
  const ratios: readonly (number | null)[] = factors ?? axes.map(ratio);
  const whole = ratios.every((f) => f !== null && Number.isInteger(f) && f >= 1);
  if (mode === 'nearest') {
    const rounding = n.string('nearest_mode', old ? 'floor' : 'round_prefer_floor');
    const asPyTorch = (how === 'asymmetric' && rounding === 'floor') || (whole && how === 'half_pixel' && rounding.startsWith('round_prefer'));
    if (asPyTorch) return { kind: `aten::upsample_nearest${DIMS[spatial]!}`, args: [] };
    // Sizes that only the run knows: where no pixel lies half way between two, round_prefer_floor is the same.
    const open = ratios.includes(null) && rounding === 'round_prefer_floor';
    return how === 'half_pixel' && (rounding === 'round_prefer_ceil' || open) ? { kind: `aten::_upsample_nearest_exact${DIMS[spatial]!}`, args: [] } : null;
  }
  if (mode !== 'linear' && mode !== 'cubic') throw n.invalid(`its mode is ${mode}`);
  const align = how === 'align_corners';
  const toOne = how === 'pytorch_half_pixel' && (sizes?.includes(1) ?? false);
  if (n.flag('antialias', false) || n.flag('exclude_outside', false) || toOne || (!align && how !== 'half_pixel' && how !== 'pytorch_half_pixel')) return null;
  if (mode === 'cubic') return spatial === 2 && Math.abs(n.float('cubic_coeff_a', -0.75) + 0.75) <= 1e-6 ? { kind: 'aten::upsample_bicubic2d', args: [align] } : null;
  return { kind: `aten::${['', 'upsample_linear1d', 'upsample_bilinear2d', 'upsample_trilinear3d'][spatial]!}`, args: [align] };
}

/** Every axis that changes is multiplied by the matrix of its weights. */
function resizeByMatrices(n: OpNode, target: Target): OnnxValue {
  const how = n.string('coordinate_transformation_mode', n.proto.opType === 'Upsample' || n.opset < 11 ? 'asymmetric' : 'half_pixel');
  const dims = [...n.dims()!];
  const isFloat = n.dtype().startsWith('float');
  let y = isFloat ? n.value(0) : n.emit('aten::to', [n.value(0), SCALAR_TYPE.float32, false, false, null]);
  target.axes.forEach((axis, i) => {
    const size = n.dims()![axis];
    const out = typeof size === 'number' ? resized(n, axis, i, target) : null;
    if (stays(n, target, i)) return;
    if (typeof size !== 'number' || out === null) throw n.unsupported('it resizes dimensions of unknown size in a way that PyTorch has no operator for');
    const scale = target.factors?.[i] ?? out / size;
    if (size * out > MOST_WEIGHTS) throw n.unsupported(`it resizes ${size} to ${out} in a way that PyTorch has no operator for`);
    const matrix = resizeMatrix({
      size, out, scale, mode: n.string('mode', 'nearest') as 'nearest', coordinates: how, nearest: n.string('nearest_mode', n.opset < 11 ? 'floor' : 'round_prefer_floor'),
      cubicA: n.float('cubic_coeff_a', -0.75), antialias: n.flag('antialias', false), excludeOutside: n.flag('exclude_outside', false),
    });
    if (!matrix) throw n.unsupported(`its coordinates are ${how}`);
    const weights = n.lowering.constantValue(TensorData.of(hostTensor('float32', [out, size], matrix)), '');
    y = n.emit('aten::movedim', [n.emit('aten::linear', [n.emit('aten::movedim', [y, axis, -1]), weights, null]), -1, axis]);
    dims[axis] = out;
  });
  return n.out(isFloat ? y : n.emit('aten::to', [y, SCALAR_TYPE[n.dtype()], false, false, null]), dims);
}

/** Elements of a matrix of weights: more take longer than they are worth. */
const MOST_WEIGHTS = 1 << 22;

function resized(n: OpNode, axis: number, i: number, { sizes, factors }: Target): number | null {
  if (sizes) return typeof sizes[i] === 'number' ? sizes[i] : null;
  const own = n.dims()![axis] ?? null;
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
