import { describe, expect, it } from 'vitest';
import type { LayerComparison } from '../../../main/contract/api.ts';
import { sortRows } from '../../ui/table.ts';
import { decibels, layersCsv, layerValue } from './layers.ts';

const layer = (name: string, sqnrDb: number | null): LayerComparison => ({
  name, module: 'm', op: 'quantized::conv2d', shape: [1, 4], sqnrDb, cosine: null, largestError: 0.5, weightsOnlyDb: null, activationsOnlyDb: 30,
  histogram: { min: 0, max: 1, fp32: [1], int8: [1] },
});

describe('layer figures', () => {
  it('show and sort an infinite SQNR as the largest, and a missing cosine last', () => {
    const rows = [layer('a', null), layer('b', 12.34), layer('c', 40)];
    expect(rows.map((r) => decibels(r.sqnrDb))).toEqual(['∞', '12.3', '40.0']);
    expect(sortRows(rows, { column: 'sqnrDb', descending: true }, layerValue).map((r) => r.name)).toEqual(['a', 'c', 'b']);
    expect(layerValue(rows[0]!, 'cosine')).toBeNull();
    expect(layersCsv(rows)[1]).toEqual(['b', 'm', 'quantized::conv2d', 12.34, null, 30, null, 0.5]);
  });
});
