import { expect, it } from 'vitest';
import { formatRoute, parseRoute } from './routes.ts';

it('routes read what they write, and lead home from what they cannot read', () => {
  expect(parseRoute(formatRoute('wizard', 'compare'))).toEqual({ page: 'wizard', step: 'compare' });
  expect(parseRoute(formatRoute('sessions', 'model'))).toEqual({ page: 'sessions', step: null });
  expect(parseRoute('')).toEqual({ page: 'home', step: null });
  expect(parseRoute('#/nowhere/compare')).toEqual({ page: 'home', step: 'compare' });
});
