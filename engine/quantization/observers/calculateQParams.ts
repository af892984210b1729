import { QuantbenchError } from '../../../kernels/errors.ts';

export type QuantDType = 'quint8' | 'qint8';
export type QSchemeName = 'per_tensor_affine' | 'per_tensor_symmetric' | 'per_channel_affine' | 'per_channel_symmetric';

/** Scales and zero points: one of each per tensor, or one a channel. Scales are float32 values. */
export interface ObservedQParams { readonly scale: readonly number[]; readonly zeroPoint: readonly number[] }

/** What decides how a range becomes qparams. */
export interface QRange {
  readonly dtype: QuantDType;
  readonly qscheme: QSchemeName;
  readonly reduceRange: boolean;
  /** Both or neither: another range than the dtype's, `has_customized_qrange`. */
  readonly quantMin?: number;
  readonly quantMax?: number;
}

/** `torch.finfo(torch.float32).eps`: the smallest scale. */
export const SCALE_EPS = 1.1920928955078125e-7;

/**
 * Smallest and largest quantized value, as `calculate_qmin_qmax` of torch.ao.quantization.utils: the dtype's range, half of it with
 * `reduceRange` (so that a sum of two int8 products fits 16 bits on old x86 processors), or the customized one, halved likewise.
 * Throws OBSERVER_BAD_RANGE for a customized range that is empty or exceeds the dtype.
 */
export function quantizationRange(range: QRange): readonly [number, number] {
  const [lo, hi] = range.dtype === 'qint8' ? [-128, 127] : [0, 255];
  if (range.quantMin !== undefined && range.quantMax !== undefined) {
    const { quantMin, quantMax } = range;
    if (!(quantMin < quantMax) || quantMin < lo || quantMax > hi) {
      throw new QuantbenchError('OBSERVER_BAD_RANGE', `quant_min ${quantMin} and quant_max ${quantMax} do not lie in ${range.dtype}'s ${lo}..${hi}`,
        'Choose quant_min < quant_max within the dtype.');
    }
    return range.reduceRange ? [Math.floor(quantMin / 2), Math.floor(quantMax / 2)] : [quantMin, quantMax];
  }
  if (!range.reduceRange) return [lo, hi];
  return range.dtype === 'qint8' ? [-64, 63] : [0, 127];
}

/**
 * Scale and zero point of each (min, max), as `_calculate_qparams` of torch.ao.quantization.observer: every step in float32, the range
 * stretched to hold 0. An observer that has seen nothing (min = Infinity) gives scale 1 and zero point 0.
 */
export function calculateQParams(min: readonly number[], max: readonly number[], range: QRange): ObservedQParams {
  const [quantMin, quantMax] = quantizationRange(range);
  const symmetric = range.qscheme.endsWith('symmetric');
  const customized = range.quantMin !== undefined && range.quantMax !== undefined;
  const scale: number[] = [];
  const zeroPoint: number[] = [];
  for (let i = 0; i < min.length; i++) {
    if (min[i] === Infinity || max[i] === -Infinity) {
      scale.push(1);
      zeroPoint.push(0);
      continue;
    }
    const lo = Math.min(Math.fround(min[i]!), 0);
    const hi = Math.max(Math.fround(max[i]!), 0);
    if (symmetric) {
      scale.push(Math.max(Math.fround(Math.max(-lo, hi) / ((quantMax - quantMin) / 2)), SCALE_EPS));
      const middle = customized ? Math.floor((quantMin + quantMax) / 2) : 128;
      zeroPoint.push(range.dtype === 'quint8' ? middle : 0);
    } else {
      const s = Math.max(Math.fround(Math.fround(hi - lo) / (quantMax - quantMin)), SCALE_EPS);
      scale.push(s);
      const zp = quantMin - roundHalfEven(Math.fround(lo / s));
      zeroPoint.push(Math.min(Math.max(zp, quantMin), quantMax));
    }
  }
  return { scale, zeroPoint };
}

/** Round to nearest, ties to even: torch.round. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
