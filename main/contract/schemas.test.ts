import { expect, test } from 'vitest';
import { QCONFIG } from '../testing/summaries.ts';
import { checkCall } from './schemas.ts';

const DATA = { path: '/d.npy', preprocess: { mean: [0.1], std: [0.3] }, batch: 32 };

test('good calls pass as they are', () => {
  expect(checkCall('setData', ['s1', DATA, null])).toEqual({ method: 'setData', args: ['s1', DATA, null] });
  expect(checkCall('setQConfig', ['s1', QCONFIG, 'both']).args).toEqual(['s1', QCONFIG, 'both']);
});

test('arguments left out at the end, or sent as null by JSON, count as undefined', () => {
  expect(checkCall('listDirectory', ['/tmp']).args).toEqual(['/tmp', undefined]);
  expect(checkCall('startCalibrate', ['s1', null]).args).toEqual(['s1', undefined]);
});

test.each([
  ['openSession', ['../../etc']],
  ['openSession', [{ id: 's1' }]],
  ['openSession', []],
  ['setData', ['s1', { ...DATA, batch: 0 }, null]],
  ['setData', ['s1', { ...DATA, batch: 1.5 }, null]],
  ['setData', ['s1', { ...DATA, preprocess: { std: [0] } }, null]],
  ['setData', ['s1', { ...DATA, preprocess: { mean: [NaN] } }, null]],
  ['setData', ['s1', { ...DATA, extra: 1 }, null]],
  ['setData', ['s1', { ...DATA, path: 'a\0b' }, null]],
  ['setQConfig', ['s1', { ...QCONFIG, dtype: 'int4' }, 'both']],
  ['startCompare', ['s1', { runs: 1e9, batch: 1, evaluate: 0 }]],
  ['devices', ['surplus']],
])('%s(%j) is INVALID_ARGUMENT', (method, args) => {
  expect(() => checkCall(method, args)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { faults: expect.any(Array) } }));
});

test.each(['constructor', '__proto__', 'close', 'toString', 'nonsense'])('%s cannot be called', (method) => {
  expect(() => checkCall(method, [])).toThrow(expect.objectContaining({ code: 'UNKNOWN_CALL' }));
});
