/**
 * The Compare table without its looks: which rows belong together, in what order they show, and where the brackets of fused ops run. Pure.
 *
 * A fused op does the work of several fp32 eager rows. Sorting must not tear them apart, so rows are tied into blocks, and blocks are sorted.
 */
import type { CompareCell, CompareRow, ModeId } from '../../../main/contract/api.ts';
import { MODES } from '../../charts/modes.ts';
import { opKind, type OpKind } from '../../charts/opKinds.ts';
import { matches } from '../../palette/match.ts';
import { compareCells, type Sort } from '../../ui/table.ts';

/** Rows tied by fused ops of any mode, in their natural order. */
export type RowBlock = CompareRow[];

/** Ties rows that share an op of some mode. Blocks come in the order of their first rows. */
export function blocksOf(rows: readonly CompareRow[]): RowBlock[] {
  const parent = rows.map((_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i] ?? i] ?? i;
    return i;
  };
  const owner = new Map<string, number>();
  rows.forEach((row, i) => {
    for (const { id } of MODES) {
      const cell = row.times[id];
      if (!cell) continue;
      const key = `${id} ${cell.group}`;
      const first = owner.get(key);
      if (first === undefined) owner.set(key, i);
      else {
        const [a, b] = [root(first), root(i)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
    }
  });
  const blocks = new Map<number, RowBlock>();
  rows.forEach((row, i) => {
    const block = blocks.get(root(i));
    if (block) block.push(row);
    else blocks.set(root(i), [row]);
  });
  return [...blocks.values()];
}

/** What a block is sorted by: times and shares add up, SQNR is the worst, words are the first row's. */
export function blockValue(block: RowBlock, column: string): string | number | null {
  const mode = MODES.find((m) => m.id === column)?.id;
  if (mode) {
    const times = block.flatMap((row) => (row.times[mode]?.first ? [row.times[mode].us] : []));
    return times.length === 0 ? null : times.reduce((a, b) => a + b, 0);
  }
  if (column === 'share') return block.reduce((sum, row) => sum + row.share, 0);
  if (column === 'sqnr') {
    const known = block.flatMap((row) => (row.sqnrDb === null ? [] : [row.sqnrDb]));
    return known.length === 0 ? null : Math.min(...known);
  }
  const first = block[0];
  if (!first) return null;
  return column === 'op' ? first.op : column === 'module' ? first.module : column === 'shape' ? first.shape : first.index;
}

/** Whether a row is of the kind and holds the words, in its own op or in those of other modes. */
export function rowMatches(row: CompareRow, query: string, kind: OpKind | null): boolean {
  if (kind !== null && !kindsOf(row).includes(kind)) return false;
  return query.trim() === '' || matches(`${row.op} ${row.module} ${row.shape} ${MODES.map((m) => row.times[m.id]?.op ?? '').join(' ')}`, query.trim());
}

/** Kinds of the ops that a row shows: its own, and those of ops that begin here. */
export function kindsOf(row: CompareRow): OpKind[] {
  return [opKind(row.op), ...MODES.flatMap((m) => (row.times[m.id]?.first ? [opKind(row.times[m.id]?.op ?? '')] : []))];
}

/** The rows to show, in order. A block shows whole where one of its rows matches. */
export function visibleRows(blocks: readonly RowBlock[], query: string, kind: OpKind | null, sort: Sort | null): CompareRow[] {
  const shown = blocks.filter((block) => block.some((row) => rowMatches(row, query, kind)));
  if (!sort) return shown.flat().sort((a, b) => a.index - b.index);
  return [...shown].sort((a, b) => compareCells(blockValue(a, sort.column), blockValue(b, sort.column), sort.descending)).flat();
}

export type Bracket = 'single' | 'start' | 'middle' | 'end';
export interface CellMark {
  bracket: Bracket | null;
  /** A bracket of another op runs past this row. */
  past: boolean;
  /** The second row of a bracket carries the fused op's name. */
  named: boolean;
}

/** Where brackets run down each mode's column, for rows in the order shown. */
export function bracketMarks(rows: readonly CompareRow[]): Map<number, Record<ModeId, CellMark>> {
  const marks = new Map<number, Record<ModeId, CellMark>>();
  const none = (): CellMark => ({ bracket: null, past: false, named: false });
  for (const row of rows) marks.set(row.index, Object.fromEntries(MODES.map((m) => [m.id, none()])) as Record<ModeId, CellMark>);
  for (const { id } of MODES) {
    const places = new Map<number, number[]>();
    rows.forEach((row, i) => {
      const cell = row.times[id];
      if (cell) places.set(cell.group, [...(places.get(cell.group) ?? []), i]);
    });
    for (const at of places.values()) {
      const [first, last] = [at[0] ?? 0, at.at(-1) ?? 0];
      for (let i = first; i <= last; i++) {
        const mark = marks.get(rows[i]?.index ?? -1)?.[id];
        if (!mark) continue;
        const place = at.indexOf(i);
        if (place < 0) mark.past = true;
        else {
          mark.bracket = at.length === 1 ? 'single' : place === 0 ? 'start' : i === last ? 'end' : 'middle';
          mark.named = place === 1;
        }
      }
    }
  }
  return marks;
}

/** The longest time of any op: the scale of the bars in the cells. */
export function longest(rows: readonly CompareRow[]): number {
  let most = 0;
  for (const row of rows) for (const { id } of MODES) most = Math.max(most, row.times[id]?.first ? (row.times[id]?.us ?? 0) : 0);
  return most;
}

/** Which line of a graph's text is a cell's node: the n-th line that calls its op, as the cell is the n-th with that op in its mode. -1 where there is none. */
export function graphLine(text: string, rows: readonly CompareRow[], mode: ModeId, cell: CompareCell): number {
  const groups = [...new Set(rows.flatMap((row) => (row.times[mode]?.op === cell.op ? [row.times[mode].group] : [])))].sort((a, b) => a - b);
  let left = groups.indexOf(cell.group);
  if (left < 0) return -1;
  return text.split('\n').findIndex((line) => line.includes(`${cell.op}(`) && left-- === 0);
}

/** `conv2d_add_relu` of `quantized::conv2d_add_relu`. */
export function shortOp(op: string): string {
  return op.replace(/^.*::/, '');
}
