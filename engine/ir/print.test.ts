import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../kernels/layout.ts';
import { TensorData } from './constant.ts';
import { Graph } from './graph.ts';
import { printConstant, printFloat, printGraph } from './print.ts';
import { T } from './types.ts';

describe('printing', () => {
  it.each([
    [0.1, '0.10000000000000001'], [1e-5, '1.0000000000000001e-05'], [0, '0.'], [1, '1.'], [-2, '-2.'], [0.5, '0.5'], [6, '6.'], [1e20, '1e+20'], [1e-12, '9.9999999999999998e-13'],
    [4.605170185988092, '4.6051701859880918'], [0.012728233821690083, '0.012728233821690083'], [Infinity, 'inf'], [NaN, 'nan'], [1.5e300, '1.5000000000000001e+300'],
  ])('float %d is %s', (v, text) => { expect(printFloat(v)).toBe(text); });

  it('constants as PyTorch shows them', () => {
    expect(printConstant(2 ** 63, T.int)).toBe('9223372036854775807');
    expect(printConstant(true, T.bool)).toBe('1');
    expect(printConstant('a "b"\n', T.str)).toBe('"a \\"b\\"\\n"');
    expect(printConstant([1, 2], T.list(T.float))).toBe('[1., 2.]');
    const t = (shape: number[], values: number[]): TensorData => TensorData.of(hostTensor('float32', shape, values));
    expect(printConstant(t([2, 2], [1, 2, 3, 4]))).toBe('<Tensor>');
    expect(printConstant(t([3], [-0.1043, 0.0257, 1]))).toBe('-0.1043  0.0257  1.0000 [ CPUFloatType{3} ]');
    expect(printConstant(t([], [0.5]))).toBe('{0.5}');
  });

  it('graphs, with numbers that keep away from names', () => {
    const g = new Graph();
    const x = g.block.addInput(T.tensor, '0');
    const c = g.block.append(g.constant(1, T.int));
    const y = g.block.append(g.create('aten::relu', [x]));
    y.output.name = 'x';
    const z = g.block.append(g.create('aten::relu', [y.output]));
    z.output.name = 'x';
    z.scope = 'a.b';
    z.location = { file: 'm.py', line: 3, column: 4 };
    const branch = g.block.append(g.create('prim::If', [c.output], []));
    branch.addBlock();
    branch.addBlock();
    g.block.addOutput(z.output);
    expect(printGraph(g, { locations: true })).toBe(`graph(%0 : Tensor):
  %1 : int = prim::Constant[value=1]()
  %x : Tensor = aten::relu(%0)
  %x.1 : Tensor = aten::relu(%x), scope: __module.a/__module.a.b # m.py:3:4
   = prim::If(%1)
    block0():
      -> ()
    block1():
      -> ()
  return (%x.1)
`);
  });
});
