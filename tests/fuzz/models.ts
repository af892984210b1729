/** Small models of every format that inputs are made from. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { archiveMembers, moduleSource } from '../../engine/formats/torchscript/testing.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
export const fixture = (path: string): Uint8Array => new Uint8Array(readFileSync(join(FIXTURES, path)));

/** Bodies of a forward that between them use most of the language that torch.jit.save writes. */
export const BODIES: readonly string[] = [
  'return torch.relu(x)',
  `w = self.weight
y = torch.add(torch.mul(x, 2.), w, alpha=1)
if torch.gt(torch.dim(y), 1):
  z = torch.neg(y)
else:
  z = torch.relu_(y)
return z`,
  `_0 = annotate(List[Tensor], [])
z = x
for i in range(3):
  _1 = torch.append(_0, z)
  z = torch.add(z, torch.select(x, 0, 0))
return torch.sum(torch.stack(_0))`,
  `i = 0
go = torch.lt(i, 5)
y = x
while go:
  y = torch.mul(y, 1.5)
  i = torch.add(i, 1)
  go = torch.lt(i, 5)
return y`,
  `d = {"a": x, "b": self.weight}
l = [1, 2, 3]
s = torch.slice(l, 0, -1)
n, m, = (torch.len(l), torch.len(s))
if torch.ne(n, 3):
  ops.prim.RaiseException(torch.format("bad {} of {}", n, m))
else:
  pass
return torch.view(d["a"], [-1, torch.len(s)])`,
  `y = torch.matmul(torch.flatten(x, 1), torch.ones([6, 4]))
z = torch.softmax(torch.slice(y, 0, 0, 9223372036854775807), -1)
return torch.max(z, 1)[0]`,
];

export const TORCHSCRIPT_FILES: readonly string[] = readdirSync(join(FIXTURES, 'torchscript')).map((f) => `torchscript/${f}`);
/** Archives of TorchScript as their members. */
export const TORCHSCRIPT_MEMBERS: readonly Record<string, Uint8Array>[] = [
  ...BODIES.map((body) => archiveMembers(moduleSource(body))),
  ...['conv1d.traced', 'script_list.scripted', 'script_loop.scripted', 'split_sizes.traced'].map((f) => unzipSync(fixture(`torchscript/${f}.pt`))),
];
