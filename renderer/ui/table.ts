/** Sorting and the columns of tables. Pure. */
import type { TermId } from '../explain/terms.ts';

export interface Column {
  id: string;
  title: string;
  /** A CSS grid track: `80px`, `minmax(120px, 1fr)`. */
  width: string;
  numeric?: boolean;
  sortable?: boolean;
  /** The word that the head explains. */
  term?: TermId;
}

export interface Sort { column: string; descending: boolean }

/** The sort after a click on a head: numbers start with the largest, text with A; a third click goes back to the natural order. */
export function nextSort(sort: Sort | null, column: Column): Sort | null {
  const first = column.numeric ?? false;
  if (sort?.column !== column.id) return { column: column.id, descending: first };
  return sort.descending === first ? { column: column.id, descending: !first } : null;
}

/** Compares two cells; null is last whichever way the sort goes. */
export function compareCells(a: string | number | null, b: string | number | null, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  return descending ? -order : order;
}

/** Rows sorted by a column's value; the natural order where there is no sort. */
export function sortRows<T>(rows: readonly T[], sort: Sort | null, value: (row: T, column: string) => string | number | null): T[] {
  if (!sort) return [...rows];
  return [...rows].sort((a, b) => compareCells(value(a, sort.column), value(b, sort.column), sort.descending));
}

/** Rows as CSV, quoted where needed. */
export function csv(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (x: string | number | null): string => (x === null ? '' : /[",\n]/.test(String(x)) ? `"${String(x).replaceAll('"', '""')}"` : String(x));
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
