import { describe, expect, it } from 'vitest';
import { numberList, parseNumbers } from './numbers.ts';

describe('data', () => {
  it('reads lists of numbers as people type them', () => {
    expect(parseNumbers('0.485, 0.456 0.406').values).toEqual([0.485, 0.456, 0.406]);
    expect(parseNumbers('').values).toBeUndefined();
    expect(parseNumbers('0.1, x').error).toBe('"x" is not a number');
    expect(parseNumbers('0', true).error).toBe('must be above 0');
    expect(numberList([0.5, 0.25])).toBe('0.5, 0.25');
  });
});
