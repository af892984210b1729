import { describe, expect, it } from 'vitest';
import type { CompareCell, CompareRow, ModeId } from '../../../main/contract/api.ts';
import { fakeComparison } from '../../testing/fakeModel.ts';
import { blocksOf, blockValue, bracketMarks, graphLine, longest, rowMatches, visibleRows } from './tableModel.ts';

const cell = (op: string, us: number, group: number, first: boolean, span = 1): CompareCell => ({ op, us, group, first, span });
function row(index: number, op: string, eager: CompareCell | null, scripted: CompareCell | null, share = 0, sqnrDb: number | null = null): CompareRow {
  const times: Record<ModeId, CompareCell | null> = { 'fp32-eager': eager, 'fp32-scripted': null, 'int8-eager': null, 'int8-scripted': scripted };
  return { index, op, module: `m${index}`, shape: '[1]', times, share, sqnrDb };
}
/** conv, [conv of another branch], add: the outer fused op spans rows 0 and 2, and row 1 lies between. */
const rows = [
  row(0, 'aten::conv2d', cell('aten::conv2d', 10, 0, true), cell('quantized::conv2d_add', 5, 0, true, 2), 0.5, 30),
  row(1, 'aten::conv2d', cell('aten::conv2d', 30, 1, true), cell('quantized::conv2d', 9, 1, true), 0.5, 20),
  row(2, 'aten::add', cell('aten::add', 4, 2, true), cell('quantized::conv2d_add', 5, 0, false, 2), 0, null),
  row(3, 'aten::relu', cell('aten::relu', 50, 3, true), null),
];

describe('blocks', () => {
  it('tie the rows of a fused op together, also when other rows lie between', () => {
    expect(blocksOf(rows).map((b) => b.map((r) => r.index))).toEqual([[0, 2], [1], [3]]);
  });

  it('sum times once an op, and take the worst SQNR', () => {
    const [first] = blocksOf(rows);
    expect(blockValue(first ?? [], 'int8-scripted')).toBe(5);
    expect(blockValue(first ?? [], 'fp32-eager')).toBe(14);
    expect(blockValue(first ?? [], 'sqnr')).toBe(30);
    expect(blockValue(blocksOf(rows)[2] ?? [], 'int8-scripted')).toBeNull();
  });

  it('are sorted whole; what has no value comes last both ways', () => {
    const order = (column: string, descending: boolean): number[] => visibleRows(blocksOf(rows), '', null, { column, descending }).map((r) => r.index);
    expect(order('fp32-eager', true)).toEqual([3, 1, 0, 2]);
    expect(order('int8-scripted', true)).toEqual([1, 0, 2, 3]);
    expect(order('int8-scripted', false)).toEqual([0, 2, 1, 3]);
  });

  it('show whole where one row matches, in natural order without a sort', () => {
    expect(visibleRows(blocksOf(rows), 'add', null, null).map((r) => r.index)).toEqual([0, 2]);
    expect(visibleRows(blocksOf(rows), '', 'activation', null).map((r) => r.index)).toEqual([3]);
    expect(rowMatches(rows[3]!, 'conv', null)).toBe(false);
  });
});

describe('brackets', () => {
  it('start and end, and run past what lies between', () => {
    const marks = bracketMarks(rows);
    expect(marks.get(0)?.['int8-scripted']).toEqual({ bracket: 'start', past: false, named: false });
    expect(marks.get(1)?.['int8-scripted']).toEqual({ bracket: 'single', past: true, named: false });
    expect(marks.get(2)?.['int8-scripted']).toEqual({ bracket: 'end', past: false, named: true });
    expect(marks.get(3)?.['int8-scripted'].bracket).toBeNull();
  });

  it('of a whole network: every fused op starts and ends once', () => {
    const comparison = fakeComparison();
    const marks = [...bracketMarks(comparison.rows).values()].map((m) => m['int8-scripted'].bracket);
    const count = (b: string): number => marks.filter((m) => m === b).length;
    expect(count('start')).toBe(6);
    expect(count('end')).toBe(6);
    expect(longest(comparison.rows)).toBeCloseTo(71.6);
  });
});

it('finds the line of a node: the n-th with the same op', () => {
  const text = 'graph(%x):\n  %1 = aten::conv2d(%x)\n  %2 = aten::relu(%1)\n  %3 = aten::conv2d(%2)\n';
  expect(graphLine(text, rows, 'fp32-eager', rows[1]!.times['fp32-eager']!)).toBe(3);
  expect(graphLine(text, rows, 'fp32-eager', cell('aten::mul', 1, 9, true))).toBe(-1);
});
