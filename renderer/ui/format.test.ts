import { describe, expect, it } from 'vitest';
import * as format from './format.ts';
import { percent, plural, shape, sig3, signed } from './format.ts';

/** Figures and units are tied by a no-break space. */
const plain = <A extends unknown[]>(f: (...args: A) => string) =>
  (...args: A): string => f(...args).replaceAll('\u00a0', ' ');
const [bytes, count, duration] = [plain(format.bytes), plain(format.count), plain(format.duration)];
const [latency, points] = [plain(format.latency), plain(format.points)];

describe('figures', () => {
  it.each([
    [0, '0'], [1, '1.00'], [12.345, '12.3'], [123.45, '123'], [12345, '12300'], [0.012345, '0.0123'], [9.999, '10.0'], [-3.14159, '−3.14'],
    [1e-6, '1.00e−6'], [12345678, '1.23e7'], [Infinity, '∞'], [NaN, '–'], [null, '–'], [0.00012345, '0.000123'],
  ])('sig3(%s) is %s', (x, text) => expect(sig3(x)).toBe(text));

  it('signs differences', () => {
    expect(signed(1.5)).toBe('+1.50');
    expect(signed(-1.5)).toBe('−1.50');
    expect(signed(0)).toBe('±0');
  });

  it('counts, sizes and times choose a unit', () => {
    expect(count(9999)).toBe('9999');
    expect(count(44_426)).toBe('44.4 k');
    expect(bytes(820)).toBe('820 B');
    expect(bytes(1023)).toBe('0.999 KiB');
    expect(bytes(102_400_000)).toBe('97.7 MiB');
    expect(latency(0.84)).toBe('840 µs');
    expect(latency(3.414)).toBe('3.41 ms');
    expect(latency(1500)).toBe('1.50 s');
    expect(duration(400)).toBe('under 1 s');
    expect(duration(12_400)).toBe('12 s');
    expect(duration(125_000)).toBe('2 min 5 s');
    expect(duration(3_840_000)).toBe('1 h 4 min');
  });

  it('shares keep hundredths of a point', () => {
    expect(percent(0.9885)).toBe('98.85%');
    expect(points(0.9885, 0.989)).toBe('−0.05 pt');
    expect(points(0.989, 0.989)).toBe('±0 pt');
  });

  it('shapes show free dimensions', () => {
    expect(shape([null, 1, 28, 28])).toBe('[*, 1, 28, 28]');
    expect(shape(null)).toBe('any shape');
    expect(plural(1, 'sample')).toBe('1 sample');
    expect(plural(256, 'sample')).toBe('256 samples');
  });
});
