/** Figures of the layer table. Pure. */
import type { LayerComparison } from '../../../main/contract/api.ts';
import { sig3 } from '../../ui/format.ts';

/** SQNR as JSON carries it: null for an infinite one. */
export const decibels = (db: number | null): string => (db === null ? '∞' : sig3(db));

/** What a column sorts by: nothing differs is the largest SQNR. */
export function layerValue(layer: LayerComparison, column: string): string | number | null {
  switch (column) {
    case 'name': return layer.name;
    case 'op': return layer.op;
    case 'sqnrDb': case 'weightsOnlyDb': case 'activationsOnlyDb': return layer[column] ?? Infinity;
    case 'cosine': case 'largestError': return layer[column];
    default: return null;
  }
}

export function layersCsv(layers: readonly LayerComparison[]): (string | number | null)[][] {
  return layers.map((l) => [l.name, l.module, l.op, l.sqnrDb, l.weightsOnlyDb, l.activationsOnlyDb, l.cosine, l.largestError]);
}
