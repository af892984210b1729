import { describe, expect, it } from 'vitest';
import { OPERATORS } from '../../runtime/operators/index.ts';
import { parseSchema, type Schema } from '../schema.ts';
import { printType } from '../types.ts';
import { schemas } from './index.ts';

/** What the front end never meets: the language's own constructs, and what the optimizing passes make. */
const INTERNAL = /^(quantbench::|prim::(List|Tuple|Dict)|prim::(Uninitialized|unchecked_cast|AutogradAnyNonZero|isinstance|CreateObject))/;
const PASS_MADE = new Set(['requantized']);
const describeArgs = (s: Schema): string[] =>
  s.args.map((a) => `${printType(a.type)}${a.listSize ?? ''} ${a.name}${a.default === undefined ? '' : `=${JSON.stringify(a.default)}`}${a.kwOnly ? ' (keyword only)' : ''}`);

describe('operators that run', () => {
  const known = OPERATORS.flat().map((o) => parseSchema(o.schema)).filter((s) => !INTERNAL.test(s.name) && !PASS_MADE.has(s.overload) && s.name.includes('::'));

  it('name the schemas of the table', () => {
    const differing = known.flatMap((s) => {
      const t = schemas().get(s.name, s.overload);
      // An overload that only the runtime knows costs nothing as long as the name has others.
      if (!t) return schemas().has(s.name) ? [] : [`${s.text} is not in the table`];
      return JSON.stringify(describeArgs(s)) === JSON.stringify(describeArgs(t)) ? [] : [`${s.text} differs from ${t.text}`];
    });
    expect(differing).toEqual([]);
  });
});
