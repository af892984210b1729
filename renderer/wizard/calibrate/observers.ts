/** The observers' table: sorting values and the scale that all range bars share. Pure. */
import type { ObserverRow } from '../../../main/contract/api.ts';
import { sig3 } from '../../ui/format.ts';

/** Lowest and highest end of all ranges of one kind, zero included; weights are far smaller than activations and have a scale of their own. */
export function commonScale(rows: readonly ObserverRow[], kind: ObserverRow['kind']): { low: number; high: number } {
  let [low, high] = [0, 0];
  for (const row of rows) {
    if (row.kind !== kind) continue;
    if (Number.isFinite(row.min)) low = Math.min(low, row.min);
    if (Number.isFinite(row.max)) high = Math.max(high, row.max);
  }
  return { low, high };
}

/** One figure, or the span of many: `0.00123 … 0.0314 (32)`. */
export function spanOf(values: readonly number[]): string {
  const [first] = values;
  if (first === undefined) return sig3(null);
  if (values.length === 1) return sig3(first);
  let [low, high] = [first, first];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low === high ? `${sig3(low)} (${values.length})` : `${sig3(low)} … ${sig3(high)} (${values.length})`;
}

/** Zero points are whole. */
export function zeroPoints(values: readonly number[]): string {
  const different = [...new Set(values)];
  if (different.length === 0) return sig3(null);
  return different.length === 1 ? String(different[0]) : `${Math.min(...different)} … ${Math.max(...different)}`;
}

export function observerValue(row: ObserverRow, column: string): string | number | null {
  switch (column) {
    case 'name': return row.name;
    case 'observer': return row.observer;
    case 'min': return row.min;
    case 'max': return row.max;
    case 'scale': return row.scale.length > 0 ? Math.max(...row.scale) : null;
    case 'zeroPoint': return row.zeroPoint[0] ?? null;
    default: return null;
  }
}
