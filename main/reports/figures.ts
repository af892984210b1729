/** How figures are written, in tables of the terminal and of the report alike. */

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

/** A difference of two shares in points, always signed: `-0.05 pt`. */
export function points(share: number, from: number): string {
  const difference = (share - from) * 100;
  return `${difference < 0 ? '-' : '+'}${Math.abs(difference).toFixed(2)} pt`;
}

/** How many times as fast: `x 3.4`. */
export function speed(base: number | null | undefined, value: number | null | undefined): string {
  return base && value ? `x ${figure(base / value)}` : '-';
}

/** `1 fusion`, `3 fusions`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
