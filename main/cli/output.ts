/** What the command line prints: tables on stdout for people, one JSON document for scripts, errors on stderr. */
import type { QuantbenchError } from '../../kernels/errors.ts';

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

/** At most three significant digits; `-` for what is not known. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude >= 3) return String(Math.round(value));
  return value.toFixed(Math.min(Math.max(2 - magnitude, 0), 6)).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(2)}%`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${figure(value)} ${UNITS[unit] ?? ''}`;
}

export function shapeText(shape: readonly (number | null)[] | null): string {
  return shape === null ? '?' : `[${shape.map((d) => d ?? '*').join(', ')}]`;
}
