import type { Observer } from '../quantization/observers/index.ts';
import type { PreparedModel } from './quantized.ts';
import type { ObserverRow } from './types.ts';

/** What every observer has seen so far, scripted ones first; those that saw nothing yet are left out. */
export function observerRows(prepared: PreparedModel): ObserverRow[] {
  const rows: ObserverRow[] = [];
  for (const side of [prepared.scripted, prepared.imperative]) {
    if (!side) continue;
    for (const { name, observer, kind } of side.observers()) {
      const row = observerRow(name, observer, kind, side.mode, side.sparkline(observer));
      if (row) rows.push(row);
    }
  }
  return rows;
}

function observerRow(name: string, observer: Observer, kind: ObserverRow['kind'], mode: ObserverRow['mode'], histogram: number[] | undefined): ObserverRow | null {
  const min = Math.min(...observer.min);
  const max = Math.max(...observer.max);
  if (!Number.isFinite(min) || !Number.isFinite(max)) return null;
  const { scale, zeroPoint } = observer.calculateQParams();
  return {
    name, kind, mode, observer: observer.className, min, max, scale: [...scale], zeroPoint: [...zeroPoint],
    dtype: observer.args.dtype, qscheme: observer.args.qscheme,
    ...(histogram ? { histogram } : {}),
  };
}
