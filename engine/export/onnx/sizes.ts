import { Unexportable, type OpCall } from './opCall.ts';
import type { Item, NumberItem } from './items.ts';

/** Ops of two numbers on sizes, and what computes them on int64. Sizes are positive, so that rounding towards zero is rounding down. */
const BINARY: Readonly<Record<string, string>> = {
  'aten::add': 'Add', 'aten::sub': 'Sub', 'aten::mul': 'Mul', 'aten::floordiv': 'Div', 'aten::floor_divide': 'Div', 'aten::remainder': 'Mod', 'prim::max': 'Max', 'prim::min': 'Min',
};

/**
 * How the file computes numbers that depend on the batch: sizes of tensors and what is reckoned from them. Gives, for each number of the result, what makes
 * its [1]-shaped int64 tensor; a number that is never asked for makes none.
 */
export function sizeNames(c: OpCall, count: number): (() => string)[] {
  const lazily = (make: () => string): (() => string) => {
    let name: string | undefined;
    return () => name ??= make();
  };
  switch (c.kind) {
    case 'aten::size': {
      const t = c.item(0);
      const dims = c.length > 1 ? [c.dim(1, t.rank)] : Array.from({ length: count }, (_, i) => i);
      return dims.map((d) => lazily(() => c.b.op('Gather', [c.b.op('Shape', [c.b.raw(t)]), c.b.ints([d])], { axis: 0 })));
    }
    case 'aten::len': return [lazily(() => c.b.op('Gather', [c.b.op('Shape', [c.b.raw(c.item(0))]), c.b.ints([0])], { axis: 0 }))];
    case 'aten::numel': return [lazily(() => c.b.op('Reshape', [c.b.op('Size', [c.b.raw(c.item(0))]), c.b.ints([1])]))];
    case 'aten::Int': case 'aten::IntImplicit': case 'aten::ScalarImplicit': case 'aten::item':
      return [lazily(() => c.b.op('Reshape', [c.operand(0, 'int64'), c.b.ints([1])]))];
    case 'aten::neg': return [lazily(() => c.b.op('Neg', [name(c, 0)]))];
    default: break;
  }
  const type = BINARY[c.kind];
  if (type === undefined) throw new Unexportable('a number that depends on the batch');
  return [lazily(() => c.b.op(type, [name(c, 0), name(c, 1)]))];
}

function name(c: OpCall, i: number): string {
  const a: Item | undefined = c.args[i];
  if (a?.kind !== 'number' || !Number.isInteger(Number(a.values[0]))) throw new Unexportable(`argument ${i} is no integer`);
  return c.b.numberName(a satisfies NumberItem);
}
