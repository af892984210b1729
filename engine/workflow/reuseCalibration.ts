import { QuantbenchError } from '../../kernels/errors.ts';
import type { CalibrationState } from './api.ts';
import type { PreparedModel } from './quantized.ts';
import type { ObserverKind, QConfigSpec, QuantizeMode } from './types.ts';

/** What an observer's kept statistics answer for: a histogram holds the range too, a range nothing but itself. */
const HISTOGRAM_ANSWERS: readonly ObserverKind[] = ['histogram', 'percentile', 'entropy', 'minmax'];
const ANSWERS: Readonly<Record<ObserverKind, readonly ObserverKind[]>> = {
  'histogram': HISTOGRAM_ANSWERS, 'percentile': HISTOGRAM_ANSWERS, 'entropy': HISTOGRAM_ANSWERS, 'minmax': ['minmax'], 'moving-average': ['moving-average'],
};

/**
 * Whether what a calibration kept answers for another QConfig, so that the data need not be run again. dtype, qscheme, range and weights do not matter:
 * observers see float values, and weights are looked at anew. What is kept in float decides where observers sit, so it must be the same.
 */
export function answersFor(previous: CalibrationState, qconfig: QConfigSpec, mode: QuantizeMode): boolean {
  const { qconfig: was } = previous;
  return ANSWERS[was.observer].includes(qconfig.observer) && JSON.stringify(was.keepFloat) === JSON.stringify(qconfig.keepFloat)
    && (previous.mode === mode || previous.mode === 'both');
}

/** Puts what a calibration learned of activations into freshly prepared observers. False where it lacks some: then they are as they were. */
export function takeOver(prepared: PreparedModel, previous: CalibrationState): boolean {
  const fresh = prepared.save();
  const merged: CalibrationState = { ...previous, scripted: null, imperative: null };
  for (const mode of ['scripted', 'imperative'] as const) {
    const side = prepared[mode];
    const [own, old] = [fresh[mode], previous[mode]];
    if (!side || !own) continue;
    const weights = new Set([...side.observers()].filter((o) => o.kind === 'weight').map((o) => o.name));
    const activations = Object.keys(own).filter((name) => !weights.has(name));
    if (!old || !activations.every((name) => name in old)) return false;
    merged[mode] = { ...own, ...Object.fromEntries(activations.map((name) => [name, old[name]!])) } as CalibrationState['scripted'];
  }
  try {
    prepared.restore(merged);
    return true;
  } catch (e) {
    if (!(e instanceof QuantbenchError) || e.code !== 'OBSERVER_BAD_STATE') throw e;
    // Kept by an older version: the data tells it again.
    prepared.restore({ ...merged, ...fresh } as CalibrationState);
    return false;
  }
}
