import { QuantbenchError } from '../../../kernels/errors.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import type { Json } from '../../workflow/api.ts';
import type { ObservedQParams, QRange } from './calculateQParams.ts';

/** Arguments of an observer, by PyTorch's names in camelCase. */
export interface ObserverArgs extends QRange {
  /** Axis of the channels, per-channel observers only. */
  readonly chAxis?: number;
  /** How much of a new batch's range enters, moving-average observers only. Default 0.01. */
  readonly averagingConstant?: number;
  /** Histogram-like observers only. Default 2048. */
  readonly bins?: number;
  /** Share of the values that the range must hold, percentile observer only, in percent. Default 99.99. */
  readonly percentile?: number;
}

/** What an observer learned, as JSON: saved with a session, so that a calibration can go on after a cancel or a killed process. */
export type ObserverState = Record<string, Json>;

/**
 * Watches the tensors that pass one point of a model, and derives their qparams. Names in errors are given by `name`: the module path and value.
 */
export interface Observer {
  /** PyTorch's class name, `MinMaxObserver`; PyTorch has no PercentileObserver and EntropyObserver. */
  readonly className: string;
  readonly args: ObserverArgs;
  /** Set by whoever places the observer. */
  name: string;
  /** `min-max`: (min, max) of each batch is enough, `observeMinMax` may be used instead of `observe`. */
  readonly needs: 'min-max' | 'data';
  /** Range seen so far: one entry, or one a channel. Infinity and -Infinity before any data. */
  readonly min: readonly number[];
  readonly max: readonly number[];
  /** Takes in a batch. Throws OBSERVER_NON_FINITE where it holds NaN or Infinity. An empty tensor is ignored. */
  observe(t: HostTensor): void;
  /** The same from a batch's smallest and largest value. Throws OBSERVER_NON_FINITE, and OBSERVER_NEEDS_DATA where `needs` is `data`. */
  observeMinMax(min: number, max: number): void;
  calculateQParams(): ObservedQParams;
  saveState(): ObserverState;
  /** Throws OBSERVER_BAD_STATE where the state is not one of this class. */
  restoreState(state: ObserverState): void;
}

/** Throws OBSERVER_NON_FINITE naming the observer. */
export function checkFinite(observer: Observer, min: number, max: number): void {
  if (Number.isFinite(min) && Number.isFinite(max)) return;
  throw new QuantbenchError('OBSERVER_NON_FINITE',
    `${observer.className} at ${observer.name || '(unnamed)'} saw NaN or Infinity: min ${min}, max ${max}`,
    'Check the calibration data and its preprocessing for NaN and Infinity; if they are finite, the model itself overflows here.',
    { observer: observer.name, min: String(min), max: String(max) });
}

/** Throws OBSERVER_NEEDS_DATA. */
export function needsData(observer: Observer): never {
  throw new QuantbenchError('OBSERVER_NEEDS_DATA', `${observer.className} at ${observer.name} needs the values, not only their range`,
    'Call observe with the tensor.');
}

/** Smallest and largest value; NaN as soon as one value is NaN, as torch.aminmax. */
export function minMaxOf(data: ArrayLike<number>): readonly [number, number] {
  let lo = Infinity;
  let hi = -Infinity;
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v !== v) return [NaN, NaN];
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return [lo, hi];
}

/** (min, max) of each slice along an axis. */
export function minMaxPerChannel(t: HostTensor, axis: number): { min: Float32Array; max: Float32Array } {
  const { shape } = t.meta;
  const data = toRowMajor(t);
  const channels = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const min = new Float32Array(channels).fill(Infinity);
  const max = new Float32Array(channels).fill(-Infinity);
  for (let i = 0; i < data.length; i++) {
    const c = Math.floor(i / inner) % channels;
    const v = data[i]!;
    // Math.min and Math.max keep NaN once it is there.
    min[c] = Math.min(min[c]!, v);
    max[c] = Math.max(max[c]!, v);
  }
  return { min, max };
}

/** Range of a state. Infinity is not in JSON: null stands for an observer that has seen nothing. */
export function saveRange(min: ArrayLike<number>, max: ArrayLike<number>): ObserverState {
  const encode = (a: ArrayLike<number>): Json => Array.from(a, (v) => (Number.isFinite(v) ? v : null));
  return { min: encode(min), max: encode(max) };
}

export function restoreRange(observer: Observer, state: ObserverState): { min: number[]; max: number[] } {
  return { min: numbersOf(observer, state, 'min', Infinity), max: numbersOf(observer, state, 'max', -Infinity) };
}

/** A list of numbers of a state, `empty` in place of null. Throws OBSERVER_BAD_STATE. */
export function numbersOf(observer: Observer, state: ObserverState, key: string, empty = NaN): number[] {
  const list = state[key];
  const out = Array.isArray(list) ? list.map((v) => (v === null ? empty : v)) : [];
  if (!Array.isArray(list) || !out.every((v): v is number => typeof v === 'number')) {
    throw new QuantbenchError('OBSERVER_BAD_STATE', `the saved state of ${observer.className} at ${observer.name} has no list of numbers '${key}'`,
      'Calibrate again; the session was saved by another version or was edited.');
  }
  return out as number[];
}
