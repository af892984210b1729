import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffText, graphLineKey } from './diffText.ts';

const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 30 }).map((lines) => lines.join('\n'));

describe('diffText', () => {
  it('is empty where nothing differs', () => {
    fc.assert(fc.property(text, (t) => { expect(diffText(t, t, ['x', 'y'])).toBe(''); }));
  });

  it('gives the second text when applied to the first', () => {
    fc.assert(fc.property(text, text, (from, to) => {
      const diff = diffText(from, to, ['x', 'y']);
      const lines = from.split('\n');
      const out: string[] = [];
      let at = 0;
      for (const line of diff.split('\n').slice(2, -1)) {
        const hunk = /^@@ -(\d+),(\d+) \+\d+,\d+ @@$/.exec(line);
        if (hunk) while (at < Number(hunk[1]) - 1) out.push(lines[at++]!);
        else if (line.startsWith('+')) out.push(line.slice(1));
        else {
          expect(lines[at]).toBe(line.slice(1));
          if (line.startsWith(' ')) out.push(lines[at]!);
          at++;
        }
      }
      expect([...out, ...lines.slice(at)].join('\n')).toBe(to);
    }), { numRuns: 500 });
  });

  it('does not see how values are numbered', () => {
    const from = ['graph(%x.1 : Tensor):', '  %3 : Tensor = aten::relu(%x.1)', '  %4 : Tensor = aten::neg(%3)', '  return (%4)'].join('\n');
    const to = ['graph(%x.1 : Tensor):', '  %7 : Tensor = aten::relu(%x.1)', '  return (%7)'].join('\n');
    expect(diffText(from, to, ['frozen', 'optimized'], graphLineKey)).toBe([
      '--- frozen', '+++ optimized', '@@ -1,4 +1,3 @@', ' graph(%x.1 : Tensor):', '   %7 : Tensor = aten::relu(%x.1)', '-  %4 : Tensor = aten::neg(%3)', '   return (%7)', '',
    ].join('\n'));
  });
});
