import { expect, test } from 'vitest';
import { mayLoad, mayShow } from './guard.ts';

const origin = 'http://127.0.0.1:4310';

test.each([
  ['http://127.0.0.1:4310/?token=x', true],
  ['ws://127.0.0.1:4310/rpc', true],
  ['data:image/png;base64,AA==', true],
  ['http://127.0.0.1:4311/', false],
  ['http://localhost:4310/', false],
  ['https://127.0.0.1:4310/', false],
  ['http://127.0.0.1:4310.example.org/', false],
  ['http://127.0.0.1:4310@example.org/', false],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
  ['not an address', false],
])('the page may load %s: %s', (url, allowed) => {
  expect(mayLoad(url, origin)).toBe(allowed);
});

test.each([
  ['http://127.0.0.1:4310/#/home', true],
  ['data:text/html,hello', false],
  ['blob:http://127.0.0.1:4310/6f0a', false],
  ['https://example.org/', false],
])('the window may go to %s: %s', (url, allowed) => {
  expect(mayShow(url, origin)).toBe(allowed);
});
