import { afterAll, describe, expect, it } from 'vitest';
import { printGraph } from '../../../ir/print.ts';
import { verifyGraph } from '../../../ir/verify.ts';
import { openTorchScript } from '../index.ts';
import { Scratch, archiveMembers, codeOf, moduleSource } from '../testing.ts';

const scratch = new Scratch();
afterAll(() => { scratch.remove(); });

/** The printed graph of a method of a module written by hand, values numbered as printed. */
async function lower(source: string, method = 'forward'): Promise<string> {
  const m = await openTorchScript(scratch.archive(archiveMembers(source)));
  try {
    const g = m.module.type.method(method);
    verifyGraph(g, 'lowering');
    return printGraph(g).split('\n').map((l) => l.trimEnd()).join('\n');
  } finally {
    m.close();
  }
}

const body = async (text: string, params = 'x: Tensor', returns = 'Tensor'): Promise<string> => {
  const printed = await lower(moduleSource(text, 'weight : Tensor\nscale : Final[float] = 2.\n__annotations__["0"] = Tensor', params, returns));
  return printed.slice(printed.indexOf('):\n') + 3);
};

describe('straight code', () => {
  it('fills in defaults as constants, merged and at the front', async () => {
    expect(await body('return torch.flatten(torch.add(x, x), 1)')).toBe(`  %0 : int = prim::Constant[value=-1]()
  %1 : int = prim::Constant[value=1]()
  %2 : Tensor = aten::add(%x.1, %x.1, %1)
  %3 : Tensor = aten::flatten(%2, %1, %0)
  return (%3)
`);
  });

  it('reads attributes, constants of the class, and names values as PyTorch', async () => {
    expect(await body('weight = self.weight\ny = torch.mul(weight, self.scale)\n_0 = getattr(self, "0")\nreturn torch.add(y, _0, alpha=2)')).toBe(`  %0 : int = prim::Constant[value=2]()
  %1 : float = prim::Constant[value=2.]()
  %weight.1 : Tensor = prim::GetAttr[name="weight"](%self.1)
  %y.1 : Tensor = aten::mul(%weight.1, %1)
  %_0 : Tensor = prim::GetAttr[name="0"](%self.1)
  %2 : Tensor = aten::add(%y.1, %_0, %0)
  return (%2)
`);
  });

  it('takes lists and tuples apart, without making tuples that nobody needs', async () => {
    expect(await body('a, b, = torch.size(x)\nc, d = b, a\nreturn torch.view(x, [c, d])')).toBe(`  %0 : int[] = aten::size(%x.1)
  %a.1 : int, %b.1 : int = prim::ListUnpack(%0)
  %1 : int[] = prim::ListConstruct(%b.1, %a.1)
  %2 : Tensor = aten::view(%x.1, %1)
  return (%2)
`);
    expect(await body('v, i, = torch.max(x, 1)\nreturn (v, i)', 'x: Tensor', 'Tuple[Tensor, Tensor]')).toContain('%v.1 : Tensor, %i.1 : Tensor = aten::max(%x.1, %1, %0)');
  });

  it('inserts the conversions that TorchScript inserts', async () => {
    expect(await body('return torch.transpose(x, annotate(int, torch.select(x, 0, 0)), 1)')).toContain('aten::IntImplicit');
    expect(await body('return torch.to(x, "cpu", 6)')).toContain(' : Device = aten::device(');
    expect(await body('return torch.max_pool2d(x, 2)')).toMatch(/%\d : int\[\] = prim::ListConstruct\(%(\d), %\1\)/);
    expect(await body('return torch.add(x, int(torch.select(x, 0, 0)))')).toContain('aten::Int(');
    expect(await body('return torch.mul(x, inf)')).toContain('float = prim::Constant[value=inf]()');
  });

  it('writes attributes and elements', async () => {
    const text = await body('self.weight = x\nd = annotate(Dict[str, Tensor], {})\nd["a"] = x\nl = [x, x]\nl[0] = x\nreturn d["a"]');
    expect(text).toContain(' = prim::SetAttr[name="weight"](%self.1, %x.1)');
    expect(text.match(/aten::_set_item/g)).toHaveLength(2);
    expect(text).toContain('aten::__getitem__(%d.1, ');
  });
});

describe('control flow', () => {
  it('makes results of a branch from the variables that it sets, ordered by name', async () => {
    expect(await body('if torch.gt(torch.dim(x), 2):\n  z = x\n  y = torch.relu(x)\nelse:\n  y = x\n  z = torch.sigmoid(x)\nreturn torch.matmul(y, z)')).toBe(`  %0 : int = prim::Constant[value=2]()
  %1 : int = aten::dim(%x.1)
  %2 : bool = aten::gt(%1, %0)
  %y.7 : Tensor, %z.7 : Tensor = prim::If(%2)
    block0():
      %y.1 : Tensor = aten::relu(%x.1)
      -> (%y.1, %x.1)
    block1():
      %z.1 : Tensor = aten::sigmoid(%x.1)
      -> (%x.1, %z.1)
  %3 : Tensor = aten::matmul(%y.7, %z.7)
  return (%3)
`);
  });

  it('carries variables through loops', async () => {
    expect(await body('y = x\nfor i in range(3):\n  y0 = torch.add(y, x, alpha=i)\n  y = y0\nreturn y')).toMatch(/= prim::Loop\(%\d, %\d, %x\.1\)\n {4}block0\(%i\S* : int, %y\S* : Tensor\):\n[^]*-> \(%\d, %y0\S*\)/);
    const over = await body('y = x\nfor t in [x, x]:\n  y = torch.add(y, t)\nreturn y');
    expect(over).toContain('aten::len(');
    expect(over).toContain('aten::__getitem__(');
    const loop = await body('y = x\ni = 0\nwhile torch.lt(i, 3):\n  i = torch.add(i, 1)\n  y = torch.relu(y)\nreturn y');
    expect(loop).toContain('prim::Constant[value=9223372036854775807]()');
    expect(await body('y = x\nfor i in range(1, 7, 2):\n  y = torch.mul(y, i)\nreturn y')).toMatch(/aten::__range_length[^]*aten::__derive_index/);
  });

  it('short-circuits, chooses, asserts, raises', async () => {
    const text = await body('a = torch.gt(torch.dim(x), 1) and torch.lt(torch.dim(x), 4)\nassert a, "no"\ny = x if a else torch.relu(x)\nif torch.eq(torch.dim(x), 9):\n  raise ValueError("nine")\nreturn y');
    expect(text.match(/prim::If/g)).toHaveLength(4);
    expect(text.match(/prim::RaiseException/g)).toHaveLength(2);
  });

  it('moves what follows an early return into the branch', async () => {
    expect(await body('if torch.gt(torch.dim(x), 2):\n  return x\ny = torch.relu(x)\nreturn y')).toMatch(/%(\S+) : Tensor = prim::If\(%\d\)[^]*-> \(%x\.1\)[^]*-> \(%y\S*\)\n {2}return \(%\1\)/);
    expect(await body('if torch.gt(torch.dim(x), 2):\n  return x\nelse:\n  raise ValueError("no")')).toContain('prim::Uninitialized()');
  });

  it('decides isinstance where the type tells', async () => {
    expect(await body('return torch.mul(x, int(isinstance(x, Tensor)))')).toContain('bool = prim::Constant[value=1]()');
    expect(await body('return torch.mul(x, int(isinstance(x, int)))')).toContain('bool = prim::Constant[value=0]()');
    expect(await body('if isinstance(y, Tensor):\n  z = x\nelse:\n  z = x\nreturn torch.mul(x, int(isinstance(y, Tensor)))', 'x: Tensor, y: Optional[Tensor]')).toContain('prim::isinstance[types=["Tensor"]](%y.1)');
  });
});

describe('functions, methods and classes', () => {
  const source = `${moduleSource('_0 = __torch__.helper\ny = _0(x, scale=3., )\nz = (self).twice(y, )\nreturn (__torch__.Pair(z, y)).first')}
  def twice(self: __torch__.M,
    x: Tensor) -> Tensor:
    return torch.mul(x, 2)
class Pair(NamedTuple):
  first : Tensor
  second : Tensor
def helper(x: Tensor,
    scale: float=1.,
    dims: List[int]=[1, 2]) -> Tensor:
  return torch.sum(torch.mul(x, scale), dims)
`;

  it('calls with defaults, keywords and named tuples', async () => {
    expect(await lower(source)).toContain('prim::CallFunction(');
    const text = await lower(source);
    expect(text).toMatch(/%\d : Function = prim::Constant\[name="helper"\]\(\)/);
    expect(text).toMatch(/prim::CallMethod\[name="twice"\]\(%self\.1, %y\.1\)/);
    expect(await lower(source, 'twice')).toContain('aten::mul(%x.1, ');
  });

  it('knows locations in the code of the archive', async () => {
    const m = await openTorchScript(scratch.archive(archiveMembers(source)));
    const node = m.module.type.method('twice').nodes.find((n) => n.kind === 'aten::mul');
    expect(node?.location).toMatchObject({ file: 'code/__torch__.py', line: 15, column: 11 });
    m.close();
  });
});

describe('what is wrong is named', () => {
  const code = (text: string, params = 'x: Tensor'): Promise<string> => codeOf(body(text, params));

  it.each<[string, string]>([
    ['return torch.relu(x, x, x)', 'TORCHSCRIPT_NO_OVERLOAD'], ['return torch.relu("a")', 'TORCHSCRIPT_NO_OVERLOAD'],
    ['return y', 'TORCHSCRIPT_SYNTAX'], ['return self.nothing', 'TORCHSCRIPT_SYNTAX'], ['return (self).forward(x, )', 'none'], ['return __torch__.nowhere(x, )', 'TORCHSCRIPT_SYNTAX'],
    ['return (x', 'TORCHSCRIPT_SYNTAX'], ['return x $ x', 'TORCHSCRIPT_SYNTAX'], ['x = = x', 'TORCHSCRIPT_SYNTAX'], ['a, b = x', 'TORCHSCRIPT_SYNTAX'], ['return "a', 'TORCHSCRIPT_SYNTAX'],
    ['for i in range(3):\n  return x', 'TORCHSCRIPT_UNSUPPORTED'], ['return 3', 'none'], ['return "text"', 'TORCHSCRIPT_SYNTAX'], [`return ${'('.repeat(5000)}x${')'.repeat(5000)}`, 'TORCHSCRIPT_SYNTAX'],
    [`return ${'-'.repeat(5000)}x`, 'TORCHSCRIPT_SYNTAX'], ['return CONSTANTS.c3', 'TORCHSCRIPT_SYNTAX'],
  ])('%s', async (text, expected) => { expect(await code(text)).toBe(expected); });

  it('operators that are not known become nodes, to be listed or never reached', async () => {
    expect(await body('if torch.gt(torch.dim(x), 9):\n  y = torch.no_such_operator(x, 3, flag=True)\nelse:\n  y = x\nreturn y')).toMatch(/ : Tensor = aten::no_such_operator\(%x\.1, /);
    expect(await body('a, b, = ops.other.pair(x)\nreturn torch.add(a, b)')).toMatch(/%a\S* : Tensor, %b\S* : Tensor = other::pair\(%x\.1\)/);
  });

  it('gives line and column', async () => {
    await expect(body('y = torch.relu(x)\nreturn z')).rejects.toThrow(/code\/__torch__\.py:11:11: z is not defined/);
  });

  it('refuses functions that call themselves', async () => {
    expect(await codeOf(lower(`${moduleSource('return __torch__.f(x, )')}def f(x: Tensor) -> Tensor:\n  return __torch__.f(x, )\n`))).toBe('TORCHSCRIPT_UNSUPPORTED');
  });
});
