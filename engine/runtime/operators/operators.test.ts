import { describe, expect, it } from 'vitest';
import { parseSchema, type Schema } from '../../ir/schema.ts';
import { schemas } from '../../ir/schemas/index.ts';
import { printType } from '../../ir/types.ts';
import { isSupported, OPERATORS } from './index.ts';

const signature = (s: Schema): string => s.args.map((a) => `${printType(a.type)} ${a.listSize ?? ''} = ${JSON.stringify(a.default)}`).join(', ');

describe('operators', () => {
  it('agree with the schemas that lowering uses: same arguments, same defaults', () => {
    let compared = 0;
    for (const operator of OPERATORS.flat()) {
      const own = parseSchema(operator.schema);
      const known = schemas().get(own.name, own.overload);
      if (!known) continue;
      compared++;
      expect(signature(own), operator.schema).toBe(signature(known));
    }
    expect(compared).toBeGreaterThan(400);
  });

  it('have each overload once', () => {
    const names = OPERATORS.flat().map((o) => parseSchema(o.schema)).map((s) => `${s.name}.${s.overload}`);
    expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  });

  it('say that in-place operators are not pure', () => {
    for (const operator of OPERATORS.flat()) {
      if (parseSchema(operator.schema).mutates) expect(operator.pure, operator.schema).toBe(false);
    }
  });

  it('tell what can run', () => {
    expect(isSupported('aten::conv2d')).toBe(true);
    expect(isSupported('prim::If')).toBe(true);
    expect(isSupported('aten::no_such_op')).toBe(false);
  });
});
