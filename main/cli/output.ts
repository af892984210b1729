/** What the command line prints: tables on stdout for people, one JSON document for scripts, errors on stderr. */
import type { QuantbenchError } from '../../kernels/errors.ts';

export { bytes, figure, percent, shapeText } from '../reports/figures.ts';

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(JSON.stringify(value, null, 2) + '\n');
}

export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printError(error: QuantbenchError): void {
  process.stderr.write(`error ${error.code}: ${error.message}\n`);
  if (error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  const stack = error.details['stack'];
  if (typeof stack === 'string' && process.env['QUANTBENCH_DEBUG']) process.stderr.write(`${stack}\n`);
}

export interface Column { head: string; right?: boolean }

/** An aligned table; heads carry the units. A column of figures is told by `right`. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((c, i) => Math.max(c.head.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    columns.map((c, i) => (c.right ? (cells[i] ?? '').padStart(widths[i] ?? 0) : (cells[i] ?? '').padEnd(widths[i] ?? 0))).join('  ').trimEnd();
  const rule = widths.map((w) => '-'.repeat(w)).join('  ');
  return [line(columns.map((c) => c.head)), rule, ...rows.map(line)].join('\n');
}
