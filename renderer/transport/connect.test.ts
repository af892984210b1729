import { expect, it } from 'vitest';
import { pauseBefore, rpcUrl } from './connect.ts';
import { envelopeText, toEnvelope } from './errors.ts';

it('pauses grow and stay below eight seconds', () => {
  expect([0, 1, 2, 10].map(pauseBefore)).toEqual([250, 500, 1000, 8000]);
});

it('the socket is on the same origin, secure where the page is', () => {
  expect(rpcUrl({ protocol: 'http:', host: 'localhost:1' })).toBe('ws://localhost:1/rpc');
  expect(rpcUrl({ protocol: 'https:', host: 'gpu.example' })).toBe('wss://gpu.example/rpc');
});

it('envelopes stay, errors become one', () => {
  const envelope = { code: 'X', message: 'm', hint: 'h', details: { a: 1 } };
  expect(toEnvelope(Object.assign(new Error('m'), envelope))).toEqual(envelope);
  expect(toEnvelope(new Error('boom'))).toMatchObject({ code: 'INTERNAL', message: 'boom' });
  expect(toEnvelope('boom').message).toBe('boom');
  expect(envelopeText(envelope)).toBe('error X: m\nhint: h\n{\n  "a": 1\n}');
});
