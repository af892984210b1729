/** The choices of a QConfig in the order in which they are offered, each with one sentence on what it means. */
import type { ObserverKind, QConfigSpec } from '../../../main/contract/api.ts';

export interface Preset { id: 'symmetric' | 'affine'; title: string; badge: string; why: string; spec: Pick<QConfigSpec, 'qscheme' | 'dtype'> }

export const PRESETS: readonly Preset[] = [
  {
    id: 'symmetric', title: 'Symmetric int8', badge: 'fastest', spec: { qscheme: 'symmetric', dtype: 'qint8' },
    why: 'Zero point is always 0, so no correction term enters the kernels. Ranges are centred: after a ReLU half of the codes are unused.',
  },
  {
    id: 'affine', title: 'Affine uint8', badge: "PyTorch's default", spec: { qscheme: 'affine', dtype: 'quint8' },
    why: 'The range fits what was seen, from min to max, so every code is used. Kernels subtract a zero point, which costs a little time.',
  },
];

/** What a new session starts with: the fast combination, weights per channel as they cost nothing at run time. */
export const DEFAULT_QCONFIG: QConfigSpec = {
  qscheme: 'symmetric', dtype: 'qint8', weight: 'per-channel', observer: 'minmax', reduceRange: false, keepFloat: [],
};

export const OBSERVERS: readonly { id: ObserverKind; title: string; why: string }[] = [
  { id: 'minmax', title: 'MinMax', why: 'Smallest and largest value seen. Exact, and thrown off by a single outlier.' },
  { id: 'moving-average', title: 'Moving average', why: 'Averages the range of each batch (constant 0.01), so that one odd batch counts little.' },
  { id: 'histogram', title: 'Histogram', why: 'Keeps 2048 bins and picks the range with the least squared error.' },
  { id: 'percentile', title: 'Percentile', why: 'Cuts the tails off at a percentile of what was seen.' },
  { id: 'entropy', title: 'Entropy', why: 'Picks the range whose int8 distribution is closest in Kullback-Leibler divergence.' },
];
