import { expect, it } from 'vitest';
import { matches } from './match.ts';

it('takes words in any order', () => {
  expect(matches('Go to Accuracy', 'acc go')).toBe(true);
  expect(matches('Go to Accuracy', 'graph')).toBe(false);
});
