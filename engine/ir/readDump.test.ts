import { describe, expect, it } from 'vitest';
import { readDump } from './readDump.ts';

describe('readDump', () => {
  it('reads nodes, constants, blocks and scopes', () => {
    const nodes = readDump(`graph(%self.1 : __torch__.M,
      %x.1 : Tensor):
  %2 : NoneType = prim::Constant()
  %3 : bool = prim::Constant[value=0]()
  %5 : float = prim::Constant[value=1.0000000000000001e-05]()
  %9 : int[] = prim::Constant[value=[1, -1]](), scope: __module.a
  %m : str = prim::Constant[value="a (\\"b\\")"]()
  %w : Float(10, 64, strides=[64, 1], requires_grad=0, device=cpu) = prim::Constant[value=<Tensor>]()
  %fc.1 : __torch__.Linear = prim::GetAttr[name="fc"](%self.1)
   = prim::If(%3)
    block0():
      %a : Tensor, %b : (int, Tensor)[] = aten::max(%x.1, %9, %3)
      -> ()
    block1():
      -> ()
  return (%a)
`);
    expect(nodes.map((n) => n.kind)).toEqual([...new Array<string>(6).fill('prim::Constant'), 'prim::GetAttr', 'prim::If', 'aten::max']);
    expect(nodes.slice(0, 6).map((n) => n.constant)).toEqual([null, false, 1e-5, [1, -1], 'a ("b")', undefined]);
    expect(nodes[5]!.outputs[0]!.type).toBe('Float(10, 64, strides=[64, 1], requires_grad=0, device=cpu)');
    expect(nodes[6]).toMatchObject({ attributes: 'name="fc"', inputs: ['self.1'], outputs: [{ name: 'fc.1', type: '__torch__.Linear' }] });
    expect(nodes[7]).toMatchObject({ inputs: ['3'], outputs: [], depth: 2 });
    expect(nodes[8]).toMatchObject({ inputs: ['x.1', '9', '3'], outputs: [{ name: 'a', type: 'Tensor' }, { name: 'b', type: '(int, Tensor)[]' }], depth: 3 });
  });
});
