import { describe, expect, it } from 'vitest';
import { fakeConversion } from '../../testing/fakeModel.ts';
import { groupFusions, runLengths } from './fusions.ts';

describe('conversion', () => {
  it('groups fusions by pattern, most frequent first', () => {
    expect(groupFusions(fakeConversion().fusions).map((g) => [g.result, g.places.length])).toEqual([['quantized::conv2d_relu', 3], ['quantized::conv2d_add_relu', 2]]);
  });
  it('counts runs of equal ops', () => {
    expect(runLengths(['a', 'a', 'b', 'a'])).toEqual([{ op: 'a', count: 2 }, { op: 'b', count: 1 }, { op: 'a', count: 1 }]);
  });
});
