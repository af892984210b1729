/** Figures for people: at most three significant digits, fixed forms, a dash where there is nothing. Units are the caller's, in the head of a column. */

export const NONE = '–';
const MINUS = '\u2212';
/** Between a figure and its unit: they stay on one line. */
const NB = '\u00a0';

/** Three significant digits without an exponent between 1e-4 and 1e7; thousands keep their zeros (12345 is 12300). */
export function sig3(x: number | null | undefined): string {
  if (x === null || x === undefined || Number.isNaN(x)) return NONE;
  if (!Number.isFinite(x)) return x > 0 ? '∞' : `${MINUS}∞`;
  if (x === 0) return '0';
  const abs = Math.abs(x);
  const sign = x < 0 ? MINUS : '';
  if (abs < 1e-4 || abs >= 1e7) return sign + abs.toExponential(2).replace('e-', `e${MINUS}`).replace('e+', 'e');
  const rounded = Number(abs.toPrecision(3));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(rounded)));
  return sign + rounded.toFixed(decimals);
}

/** A difference: always with its sign. */
export function signed(x: number | null | undefined, format: (x: number) => string = sig3): string {
  if (x === null || x === undefined || Number.isNaN(x)) return NONE;
  if (x === 0) return '±0';
  return (x > 0 ? '+' : MINUS) + format(Math.abs(x));
}

/** A count: 999, 12.3 k, 1.20 M. */
export function count(n: number): string {
  if (n < 10_000) return String(n);
  if (n < 1e6) return `${sig3(n / 1e3)}${NB}k`;
  if (n < 1e9) return `${sig3(n / 1e6)}${NB}M`;
  return `${sig3(n / 1e9)}${NB}G`;
}

/** A size in binary units: 820 B, 12.3 KiB, 97.8 MiB. */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : sig3(n)}${NB}${units[unit]}`;
}

/** A share as a percentage with two decimals, as accuracies are compared by hundredths: 0.9885 is 98.85%. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined || Number.isNaN(share) ? NONE : `${(share * 100).toFixed(2)}%`;
}

/** The difference of two shares in percentage points, signed: −0.05 pt. */
export function points(share: number, base: number): string {
  const difference = (share - base) * 100;
  return `${signed(Math.abs(difference) < 0.005 ? 0 : difference, (x) => x.toFixed(2))}${NB}pt`;
}

/** A latency with its unit: 840 µs, 3.41 ms, 1.20 s. */
export function latency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 1) return `${sig3(ms * 1000)}${NB}µs`;
  if (ms < 1000) return `${sig3(ms)}${NB}ms`;
  return `${sig3(ms / 1000)}${NB}s`;
}

/** A wait: under 1 s, 12 s, 2 min 5 s, 1 h 4 min. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return `under 1${NB}s`;
  if (seconds < 60) return `${seconds}${NB}s`;
  if (seconds < 3600) return seconds % 60 === 0 ? `${Math.floor(seconds / 60)}${NB}min` : `${Math.floor(seconds / 60)}${NB}min ${seconds % 60}${NB}s`;
  return `${Math.floor(seconds / 3600)}${NB}h ${Math.floor((seconds % 3600) / 60)}${NB}min`;
}

/** A shape as PyTorch writes sizes, with `*` where a dimension is free: [*, 3, 224, 224]. */
export function shape(dims: readonly (number | null)[] | null): string {
  return dims === null ? 'any shape' : `[${dims.map((d) => d ?? '*').join(', ')}]`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

/** The last part of a dotted name: `torch.nn.modules.conv.Conv2d` is Conv2d. */
export function shortType(name: string): string {
  return name.split('.').at(-1) ?? name;
}

/** A date as a short local one. */
export function when(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** `1 sample`, `2 samples`. */
export function plural(n: number, word: string): string {
  return `${count(n)} ${word}${n === 1 ? '' : 's'}`;
}
