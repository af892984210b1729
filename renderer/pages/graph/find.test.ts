import { describe, expect, it } from 'vitest';
import { linesWith, splitMatches } from './find.ts';

describe('find', () => {
  it('splits a line without losing any of it', () => {
    expect(linesWith(['Aten::relu', 'x'], 'RELU')).toEqual([0]);
    expect(linesWith(['a'], '')).toEqual([]);
    expect(splitMatches('abcabc', 'BC')).toEqual([{ text: 'a', hit: false }, { text: 'bc', hit: true }, { text: 'a', hit: false }, { text: 'bc', hit: true }]);
  });
});
