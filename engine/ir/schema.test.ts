import { describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../kernels/errors.ts';
import { Graph } from './graph.ts';
import { parseSchema } from './schema.ts';
import { unify } from './schemaTable.ts';
import { schemas } from './schemas/index.ts';
import { T, printType, type Type } from './types.ts';

describe('parseSchema', () => {
  it('reads arguments, defaults, lists, keyword-only arguments', () => {
    const s = parseSchema('aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, str padding="valid", *, float eps=1e-05, int[] dims=[-1, 2], bool? b=True) -> Tensor');
    expect([s.name, s.overload, s.mutates]).toEqual(['aten::conv2d', 'padding', false]);
    expect(s.args.map((a) => [a.name, printType(a.type), a.default, a.kwOnly, a.listSize])).toEqual([
      ['input', 'Tensor', undefined, false, null], ['weight', 'Tensor', undefined, false, null], ['bias', 'Tensor?', null, false, null],
      ['stride', 'int[]', [1, 1], false, 2], ['padding', 'str', 'valid', false, null], ['eps', 'float', 1e-5, true, null], ['dims', 'int[]', [-1, 2], true, null],
      ['b', 'bool?', true, true, null],
    ]);
  });

  it('reads aliases, type variables, dicts and several returns', () => {
    const s = parseSchema('aten::_set_item.str(Dict(str, t)(a!) l, str(b -> *) idx, t(c -> *) v) -> ()');
    expect([s.mutates, s.returns.length, printType(s.args[0]!.type)]).toEqual([true, 0, 'Dict(str, t)']);
    const m = parseSchema('aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)');
    expect(m.returns.map((r) => r.name)).toEqual(['values', 'indices']);
    expect(parseSchema('aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]').returns.map((r) => printType(r.type))).toEqual(['Tensor[]']);
    expect(parseSchema('aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor').args.map((a) => printType(a.type))).toEqual(['Tensor', 'Tensor?[]']);
  });

  it.each(['aten::relu', 'relu(Tensor x) -> Tensor', 'aten::relu(Tensor self -> Tensor', 'aten::relu(Tensr self) -> Tensor', 'aten::relu(Tensor self) -> Tensor x y'])('refuses %s', (text) => {
    expect(() => parseSchema(text)).toThrow(QuantbenchError);
  });
});

describe('the table', () => {
  const overloadOf = (kind: string, ...types: Type[]): string | undefined => {
    const g = new Graph();
    return schemas().ofNode(g.create(kind, types.map((t) => g.block.addInput(t))))?.overload;
  };

  it('holds every overload once', () => {
    for (const name of schemas().names()) {
      const overloads = schemas().overloads(name).map((s) => s.overload);
      expect(new Set(overloads).size, name).toBe(overloads.length);
    }
  });

  it('chooses overloads by the types of inputs', () => {
    expect(overloadOf('aten::add', T.tensor, T.tensor, T.int)).toBe('Tensor');
    expect(overloadOf('aten::add', T.tensor, T.float, T.int)).toBe('Scalar');
    expect(overloadOf('aten::add', T.int, T.int)).toBe('int');
    expect(overloadOf('aten::add', T.int, T.float)).toBe('int_float');
    expect(overloadOf('aten::add', T.str, T.str)).toBe('str');
    expect(overloadOf('aten::add', T.list(T.int), T.list(T.int))).toBe('t');
    expect(overloadOf('aten::add', T.list(T.int), T.list(T.str))).toBeUndefined();
    expect(overloadOf('aten::mean', T.tensor, T.list(T.int), T.bool, T.none)).toBe('dim');
    expect(overloadOf('aten::mean', T.tensor, T.none)).toBe('');
    expect(overloadOf('aten::max_pool2d', T.tensor, T.list(T.int), T.list(T.int), T.list(T.int), T.int, T.bool)).toBe('');
    expect(overloadOf('aten::size', T.tensor)).toBe('');
    expect(overloadOf('aten::__getitem__', T.dict(T.str, T.tensor), T.str)).toBe('Dict_str');
    expect(overloadOf('aten::format', T.str, T.int, T.tensor)).toBe('');
    expect(overloadOf('aten::relu', T.str)).toBeUndefined();
  });

  it('unifies types as branches do', () => {
    const show = (a: Type, b: Type): string => { const t = unify(a, b); return t ? printType(t) : 'none'; };
    expect(show(T.tensor, T.none)).toBe('Tensor?');
    expect(show(T.int, T.scalar)).toBe('Scalar');
    expect(show(T.optional(T.int), T.int)).toBe('int?');
    expect(show(T.tuple([T.none, T.int]), T.tuple([T.tensor, T.int]))).toBe('(Tensor?, int)');
    expect(show(T.int, T.str)).toBe('none');
  });
});
