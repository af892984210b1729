import { expect, it } from 'vitest';
import { csv, nextSort, sortRows } from './table.ts';

it('a head sorts numbers from the largest, words from A, and then lets go', () => {
  const number = { id: 'us', title: 'us', width: '', numeric: true };
  expect(nextSort(null, number)).toEqual({ column: 'us', descending: true });
  expect(nextSort({ column: 'us', descending: true }, number)).toEqual({ column: 'us', descending: false });
  expect(nextSort({ column: 'us', descending: false }, number)).toBeNull();
  expect(nextSort({ column: 'us', descending: true }, { id: 'op', title: 'op', width: '' })).toEqual({ column: 'op', descending: false });
});

it('sorting keeps null last and numbers in words in order', () => {
  const value = (r: string | null): string | null => r;
  expect(sortRows(['layer10', null, 'layer2'], { column: '', descending: false }, value)).toEqual(['layer2', 'layer10', null]);
  expect(sortRows(['layer10', null, 'layer2'], { column: '', descending: true }, value)).toEqual(['layer10', 'layer2', null]);
});

it('CSV quotes what needs it', () => {
  expect(csv(['a', 'b'], [['x,y', 1], ['say "hi"', null]])).toBe('a,b\n"x,y",1\n"say ""hi""",');
});
