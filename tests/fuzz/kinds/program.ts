/** Programs that are valid and ask for more memory or time than their size explains: written by hand, and drawn from pieces with extreme sizes. */
import { archiveMembers, moduleSource } from '../../../engine/formats/torchscript/testing.ts';
import { exerciseModel } from '../exercise.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import type { Random } from '../random.ts';
import { stored } from '../zips.ts';

const files = (body: string): Files => ({ 'input.pt': stored(archiveMembers(moduleSource(body))) });
const TOO_LARGE = /RUNTIME_TOO_LARGE|KERNEL_TOO_LARGE|DEVICE_OUT_OF_MEMORY|RUNTIME_ARGUMENT/;
/** A loop that does or makes too much; on a slow machine a second is over before. */
const TOO_LONG = /RUNTIME_ENDLESS_LOOP|RUNTIME_TOO_LARGE|CANCELLED/;
const hostile = (name: string, expect: Hostile['expect'], body: string): Hostile => ({ name, expect, files: files(body) });
const lines = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');
/** A condition that stays true and that nobody can know before the program runs. */
const ALWAYS = 'bool(torch.lt(torch.sum(torch.mul(y, 0)), 1))';

const HOSTILE: readonly Hostile[] = [
  hostile('a loop that doubles a tensor', TOO_LONG, `y = x\nwhile ${ALWAYS}:\n  y = torch.cat([y, y])\nreturn y`),
  hostile('a loop that doubles a matrix product', TOO_LONG, `y = torch.zeros([4, 4])\nwhile ${ALWAYS}:\n  y = torch.matmul(torch.cat([y, y]), torch.cat([y, y], 1))\nreturn y`),
  hostile('a list of tensors that grows', TOO_LONG, `l = annotate(List[Tensor], [])\ny = torch.ones([1000, 1000])\nwhile ${ALWAYS}:\n  _0 = torch.append(l, torch.add(y, 1))\nreturn torch.stack(l)`),
  hostile('a list of lists that grows', TOO_LONG, 'l = annotate(List[List[int]], [])\nfor i in range(100000):\n  _0 = torch.append(l, torch.mul([i], 1000000))\nreturn torch.add(x, torch.len(l))'),
  hostile('a dict that grows', TOO_LONG, 'd = annotate(Dict[int, List[int]], {})\nfor i in range(100000):\n  d[i] = torch.mul([i], 1000000)\nreturn torch.add(x, torch.len(d))'),
  hostile('a loop over large tensors', TOO_LONG, `y = torch.ones([1000, 1000])\nwhile ${ALWAYS}:\n  y = torch.relu(y)\nreturn y`),
  hostile('a loop of matrix products', TOO_LONG, `y = torch.ones([500, 500])\nwhile ${ALWAYS}:\n  y = torch.softmax(torch.matmul(y, y), 0)\nreturn y`),
  hostile('a loop of 200 ops', TOO_LONG, `y = x\nwhile ${ALWAYS}:\n${'  y = torch.relu(y)\n'.repeat(200)}return y`),
  hostile('65,000 rounds of a cheap body', /ok|CANCELLED|RUNTIME_ENDLESS_LOOP/, 'y = x\ni = 0\ngo = True\nwhile go:\n  y = torch.mul(y, 1.)\n  i = torch.add(i, 1)\n  go = torch.lt(i, 65000)\nreturn y'),
  hostile('2^62 rounds', 'RUNTIME_ENDLESS_LOOP', 'n = 0\nfor i in range(4611686018427387904):\n  n = torch.add(n, 1)\nreturn torch.add(x, n)'),
  hostile('200 large constants', TOO_LARGE, `${lines(200, (i) => `a${i} = torch.add(torch.ones([4000, 4000]), ${i})`)}return torch.cat([${Array.from({ length: 200 }, (_, i) => `a${i}`).join(', ')}])`),
  hostile('four tensors of 32 MB', TOO_LARGE, `${lines(4, (i) => `a${i} = torch.zeros([8000000])`)}return torch.add(torch.add(a0, a1), torch.add(a2, a3))`),
  hostile('zeros of 128 MB', TOO_LARGE, 'return torch.zeros([33554431])'),
  hostile('a sum over an expanded view of 3 * 10^9', TOO_LARGE, 'return torch.sum(torch.expand(torch.slice(x, 0, 0, 1), [1000000000, -1]))'),
  hostile('an expanded view as the result', TOO_LARGE, 'return torch.expand(torch.slice(x, 0, 0, 1), [1000000000000, -1])'),
  hostile('an expanded view that is added to', TOO_LARGE, 'return torch.add(torch.expand(torch.slice(x, 0, 0, 1), [10000000, -1]), 1)'),
  hostile('padded to 480 MB', TOO_LARGE, 'return torch.constant_pad_nd(x, [30000000, 30000000], 0.)'),
  hostile('repeated to 240 MB', TOO_LARGE, 'return torch.repeat(x, [10000000, 1])'),
  hostile('2^24 numbers in a row', TOO_LARGE, 'return torch.linspace(0, 1, 16777216)'),
  hostile('10^12 numbers in a row', TOO_LARGE, 'return torch.arange(1000000000000)'),
  hostile('indices of a large triangle', TOO_LARGE, 'return torch.tril_indices(100000, 100000)'),
  hostile('a window of 10^9', TOO_LARGE, 'return torch.hann_window(1000000000)'),
  hostile('a large identity', TOO_LARGE, 'return torch.eye(100000, 90000)'),
  hostile('einsum of six dimensions', TOO_LARGE, 'y = torch.ones([300, 300])\nreturn torch.einsum("ij,kl,mn->ijklmn", [y, y, y])'),
  hostile('a convolution with giant padding', TOO_LARGE, 'return torch.conv2d(torch.reshape(x, [1, 1, 2, 3]), torch.ones([1, 1, 3, 3]), None, [1, 1], [100000, 100000], [1, 1], 1)'),
  hostile('a convolution with a giant kernel', TOO_LARGE, 'return torch.conv2d(torch.reshape(x, [1, 1, 2, 3]), torch.ones([1, 1, 1001, 1001]), None, [1, 1], [2000, 2000], [1, 1], 1)'),
  hostile('upsampled to 25 million pixels', TOO_LARGE, 'return torch.upsample_bilinear2d(torch.reshape(x, [1, 1, 2, 3]), [5000, 5000], False, None)'),
  hostile('products of large matrices', TOO_LARGE, 'y = torch.ones([3000, 3000])\nreturn torch.matmul(torch.matmul(y, y), y)'),
  hostile('all distances of 5,000 points', TOO_LARGE, 'return torch.cdist(torch.ones([5000, 3]), torch.ones([5000, 3]))'),
  hostile('a class among 2 * 10^8', TOO_LARGE, 'return torch.one_hot(torch.tensor([100000000]), 200000000)'),
  hostile('a list times 4 million', TOO_LARGE, 'l = torch.mul([1, 2], 4000000)\nreturn torch.add(x, torch.len(l))'),
  hostile('a text times 2^30', TOO_LARGE, 's = torch.mul("ab", 1073741824)\nreturn torch.add(x, torch.len(s))'),
  hostile('a number with 4 * 10^8 zeros before it', TOO_LARGE, 's = torch.zfill("1", 400000000)\nreturn torch.add(x, torch.len(s))'),
  hostile('a format of a width of 10^7', /ok|RUNTIME_/, 's = torch.percentFormat("%9999999d", 1)\nreturn torch.add(x, torch.len(s))'),
  hostile('a text that is joined by itself', TOO_LONG, 's = "a"\nl = torch.mul(["abcdefghij"], 1000000)\nfor i in range(3):\n  s = torch.join(s, l)\nreturn torch.add(x, torch.len(s))'),
  hostile('a text whose every letter becomes a text', TOO_LARGE, 's = torch.mul("a", 1000000)\nt = torch.replace(s, "a", s)\nreturn torch.add(x, torch.len(t))'),
  hostile('an integer that overflows', TOO_LARGE, 'n = 9223372036854775807\nreturn torch.zeros([torch.mul(n, n)])'),
  hostile('a size that overflows', TOO_LARGE, 'n = 9223372036854775807\nreturn torch.expand(x, [torch.add(n, n), 2, 3])'),
];

const SIZES = ['0', '1', '2', '7', '64', '1000', '4096', '100000', '8000000', '30000000', '2147483648', '1099511627776', '9223372036854775807', '-1'];
/** Statements that make a tensor `y` from tensors `y` and `x`; A, B stand for sizes. */
const STATEMENTS = [
  'y = torch.cat([y, y])', 'y = torch.add(y, torch.ones([A]))', 'y = torch.zeros([A, B])', 'y = torch.matmul(torch.reshape(y, [-1, 1]), torch.reshape(y, [1, -1]))', 'y = torch.repeat(y, [A, B])',
  'y = torch.expand(torch.reshape(y, [1, -1]), [A, -1])', 'y = torch.constant_pad_nd(y, [A, B], 0.)', 'y = torch.flatten(y)', 'y = torch.arange(A)', 'y = torch.linspace(0, 1, A)',
  'y = torch.unsqueeze(y, 0)', 'y = torch.cumsum(torch.reshape(y, [-1]), 0)', 'y = torch.relu(y)', 'y = torch.softmax(y, -1)', 'y = torch.outer(torch.reshape(y, [-1]), torch.arange(A))',
  'y = torch.upsample_nearest2d(torch.reshape(y, [1, 1, 1, -1]), [A, B], None)', 'y = torch.tril(torch.ones([A, B]))', 'y = torch.narrow(y, 0, 0, 1)', 'y = torch.eye(A, B)', 'y = torch.full([A], 2.)',
  'y = torch.index_select(torch.reshape(y, [-1]), 0, torch.zeros([A], dtype=4))', 'y = torch.conv1d(torch.reshape(y, [1, 1, -1]), torch.ones([1, 1, 3]), None, [1], [A], [1], 1)', 'y = torch.sum(y)',
  'y = torch.mul(torch.reshape(y, [-1, 1]), torch.reshape(y, [1, -1]))', 'y = torch.roll(y, A, 0)', 'y = torch.flip(y, [0])', 'y = torch.repeat_interleave(torch.reshape(y, [-1]), A)',
  'l = torch.mul([1], A)', 'l = torch.add(l, l)', 's = torch.mul(s, A)', 's = torch.add(s, s)', 's = torch.format("{}{}", s, l)', '_0 = torch.append(l, torch.len(s))', 'y = torch.add(y, torch.len(l))',
];

/** A few statements, some of them in loops whose ends are known, or not. */
function make(r: Random): Files {
  const statement = (): string => r.pick(STATEMENTS).replace(/\b[AB]\b/g, () => r.pick(SIZES));
  const block = (indent: string, depth: number): string => Array.from({ length: r.int(1, 4) }, () => {
    if (depth > 2 || !r.oneIn(4)) return `${indent}${statement()}\n`;
    const head = r.pick(['for i in range(3):', 'for i in range(100000):', `for i in range(${r.pick(SIZES)}):`, `while ${ALWAYS}:`, 'while torch.gt(torch.dim(y), 0):', 'if torch.gt(torch.numel(y), 5):']);
    return `${indent}${head}\n${block(`${indent}  `, depth + 1)}${head.startsWith('if') ? `${indent}else:\n${indent}  pass\n` : ''}`;
  }).join('');
  return files(`y = x\nl = [1, 2]\ns = "ab"\n${block('', 0)}return y`);
}

export const programKind: FuzzKind = { name: 'program', make, hostile: HOSTILE, check: (path) => exerciseModel(path, [2, 3]) };
