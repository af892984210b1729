import { toQuantbenchError } from '../../kernels/errors.ts';
import { compareNumerics, NUMERIC_RUNS } from '../analysis/numericSuite.ts';
import type { Measurement } from './compare.ts';
import type { Progress } from './progress.ts';
import type { LayerComparison } from './types.ts';

/** JSON has no infinities and no NaN. */
const finite = (v: number): number | null => (Number.isFinite(v) ? v : null);

/**
 * Every observed place in fp32 beside int8 scripted, on the batch that was timed. None where int8 scripted is not among the modes, or fails: a note says why.
 * @param first units of progress done before; each run is one more
 * @throws QuantbenchError CANCELLED
 */
export async function compareLayers(m: Measurement, progress: Progress, first: number, signal: AbortSignal, notes: string[]):
Promise<LayerComparison[]> {
  const scripted = m.source.scripted();
  if (!scripted || !m.modes.includes('int8-scripted')) return [];
  let rows;
  try {
    rows = await compareNumerics(scripted.prepared, scripted.converted, m.inputs, m.device, signal,
      (run) => { progress.step(first + run, `layers: ${NUMERIC_RUNS[run]}`); });
  } catch (e) {
    const error = toQuantbenchError(e);
    if (error.code === 'CANCELLED' || error.code === 'DEVICE_LOST') throw error;
    notes.push(`layers were not compared: ${error.message}`);
    return [];
  }
  return rows.map((r) => ({
    ...r, shape: [...r.shape], sqnrDb: finite(r.sqnrDb), cosine: finite(r.cosine), weightsOnlyDb: finite(r.weightsOnlyDb),
    activationsOnlyDb: finite(r.activationsOnlyDb),
  }));
}
