/** The source in a TorchScript archive, and archives as a whole. */
import { archiveMembers, moduleSource } from '../../../engine/formats/torchscript/testing.ts';
import { exerciseModel } from '../exercise.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { BODIES, fixture, TORCHSCRIPT_FILES, TORCHSCRIPT_MEMBERS } from '../models.ts';
import { mutateBytes, mutateText, utf8 } from '../mutate.ts';
import type { Random } from '../random.ts';
import { stored } from '../zips.ts';

const POOL = [
  'torch', 'x', 'self', 'weight', 'w', 'y', 'z', 'i', 'for', 'in', 'while', 'if', 'else', 'return', 'def', 'class', 'None', 'True', 'False', 'not', 'and', 'or', 'is', 'Tensor', 'int', 'float',
  'List', 'Dict', 'Optional', 'Tuple', 'annotate', 'ops', 'prim', 'unchecked_cast', 'range', 'forward', '(', ')', '[', ']', '{', '}', ',', ':', '=', '.', '+', '-', '*', '/', '**', '~', '->',
  '"', '\'', '\\', '#', '\n', '\n  ', '\n    ', '0', '1', '-1', '9223372036854775807', '1.5', '1e999', 'inf', 'nan', 'relu', 'add', 'mul', 'zeros', 'ones', 'cat', 'stack', 'view', 'slice',
  'select', 'append', 'len', 'format', 'RaiseException', 'size', 'matmul', 'softmax', 'expand', 'CONSTANTS', 'c0', 'uninitialized', 'getattr', '__torch__', 'M', 'é', '\u0000', '\t', ';', '@',
];

const body = (name: string, expect: Hostile['expect'], text: () => string): Hostile => ({ name, expect, files: () => ({ 'input.pt': stored(archiveMembers(moduleSource(text()))) }) });
const source = (name: string, expect: Hostile['expect'], text: () => string): Hostile => ({ name, expect, files: () => ({ 'input.pt': stored(archiveMembers(text())) }) });
const module = moduleSource('return x');

/** The bound on rounds ends these by itself; on a slow machine a second is over before. */
const ENDLESS = /RUNTIME_ENDLESS_LOOP|CANCELLED/;
/** Too deep, or too long: whichever is seen first. */
const TOO_MUCH = /TORCHSCRIPT_SYNTAX|TORCHSCRIPT_TOO_LARGE/;
/** A loop whose results nobody uses is no part of what runs, so some that never end are `ok`. */
const HOSTILE: readonly Hostile[] = [
  body('while True', /ok|RUNTIME_ENDLESS_LOOP/, () => 'while True:\n  pass\nreturn x'),
  body('while True with an op', 'RUNTIME_ENDLESS_LOOP', () => 'y = x\nwhile True:\n  y = torch.add(y, 1)\nreturn y'),
  body('while True that appends to a list', /ok|RUNTIME_ENDLESS_LOOP|RUNTIME_TOO_LARGE/, () => 'l = annotate(List[int], [])\nwhile True:\n  _0 = torch.append(l, 1)\nreturn x'),
  body('while True that doubles a list', /ok|RUNTIME_ENDLESS_LOOP|RUNTIME_TOO_LARGE/, () => 'l = [1, 2]\nwhile True:\n  l = torch.add(l, l)\nreturn x'),
  body('while True that doubles a text', /ok|RUNTIME_ENDLESS_LOOP|RUNTIME_TOO_LARGE/, () => 's = "ab"\nwhile True:\n  s = torch.add(s, s)\nreturn x'),
  body('while True that formats a text', /ok|RUNTIME_ENDLESS_LOOP|RUNTIME_TOO_LARGE/, () => 's = "ab"\nwhile True:\n  s = torch.format("{}{}", s, s)\nreturn x'),
  body('while True that doubles a tensor', /RUNTIME_ENDLESS_LOOP|OUT_OF_MEMORY|TOO_LARGE/, () => 'y = x\nwhile True:\n  y = torch.cat([y, y])\nreturn y'),
  body('while on a value that never changes', ENDLESS, () => 'y = x\nwhile torch.gt(torch.dim(x), 0):\n  y = torch.relu(y)\nreturn y'),
  body('while on data that never changes', ENDLESS, () => 'y = x\nwhile bool(torch.lt(torch.sum(torch.zeros_like(y)), 1)):\n  y = torch.relu(y)\nreturn y'),
  body('10^12 rounds', 'RUNTIME_ENDLESS_LOOP', () => 'y = x\nfor i in range(1000000000000):\n  y = torch.add(y, 1)\nreturn y'),
  body('loops in loops in loops', /ok|RUNTIME_ENDLESS_LOOP/, () => 'n = 0\nfor i in range(100000):\n  for j in range(100000):\n    for k in range(100000):\n      n = torch.add(n, 1)\nreturn x'),
  body('loops of 200 rounds in each other', /ok|RUNTIME_ENDLESS_LOOP/, () => `n = 0\n${Array.from({ length: 8 }, (_, d) => `${'  '.repeat(d)}for i${d} in range(200):\n`).join('')}${'  '.repeat(8)}n = torch.add(n, 1)\nreturn x`),
  body('a range of 2^40 as a list', /RUNTIME_|OPERATOR_|TORCHSCRIPT_/, () => 'l = torch.mul([0], 1099511627776)\nreturn torch.add(x, torch.len(l))'),
  body('a list times 2^30', /RUNTIME_|OPERATOR_|TORCHSCRIPT_/, () => 'l = torch.mul([1, 2], 1073741824)\nreturn torch.add(x, torch.len(l))'),
  body('zeros of 2^40', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_/, () => 'return torch.zeros([1099511627776])'),
  body('ones of 2^30', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_/, () => 'return torch.ones([1073741824])'),
  body('sizes whose product overflows', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_/, () => 'return torch.zeros([4294967296, 4294967296, 4294967296])'),
  body('arange of 2^40', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_/, () => 'return torch.arange(1099511627776)'),
  body('expand, then copy', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_/, () => 'return torch.contiguous(torch.expand(torch.slice(x, 0, 0, 1), [1000000000, -1]))'),
  body('pad by 2^30', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_|OPERATOR_/, () => 'return torch.constant_pad_nd(x, [1073741824, 1073741824], 0.)'),
  body('repeat by 2^30', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_|OPERATOR_/, () => 'return torch.repeat(x, [1073741824, 1])'),
  body('a negative size', /RUNTIME_|KERNEL_|OPERATOR_/, () => 'return torch.zeros([-5, 2])'),
  body('a NaN size', /RUNTIME_|KERNEL_|OPERATOR_|TORCHSCRIPT_/, () => 'return torch.zeros([nan, 2])'),
  body('a view of no such size', /RUNTIME_|KERNEL_/, () => 'return torch.view(x, [7, -1])'),
  body('as_strided past the storage', /RUNTIME_|KERNEL_|OPERATOR_|ok/, () => 'return torch.as_strided(x, [1000, 1000], [1000, 1], 5)'),
  body('a method that calls itself', /TORCHSCRIPT_UNSUPPORTED|INLINE_RECURSION/, () => 'return (self).forward(x, )'),
  body('a list that holds itself', /ok|RUNTIME_|TORCHSCRIPT_/, () => 'l = annotate(List[Any], [])\n_0 = torch.append(l, l)\nreturn x'),
  body('an exception', 'MODEL_RAISED', () => 'ops.prim.RaiseException("no")\nreturn x'),
  body('200,000 parentheses', TOO_MUCH, () => `return ${'('.repeat(200_000)}x${')'.repeat(200_000)}`),
  body('200,000 brackets', TOO_MUCH, () => `y = ${'['.repeat(200_000)}`),
  body('200,000 minus signs', TOO_MUCH, () => `return ${'-'.repeat(200_000)}1`),
  body('200,000 nots', TOO_MUCH, () => `return ${'not '.repeat(200_000)}True`),
  body('200,000 powers', TOO_MUCH, () => `return ${'2 ** '.repeat(200_000)}2`),
  body('200,000 ternaries', TOO_MUCH, () => `return ${'1 if True else '.repeat(200_000)}2`),
  body('a sum of 200,000 terms', TOO_MUCH, () => `y = ${'1 + '.repeat(200_000)}1\nreturn x`),
  body('200,000 attributes', /TORCHSCRIPT_/, () => `return x${'.a'.repeat(200_000)}`),
  body('200,000 calls', /TORCHSCRIPT_/, () => `return x${'()'.repeat(200_000)}`),
  body('200,000 subscripts', /TORCHSCRIPT_/, () => `return x${'[0]'.repeat(200_000)}`),
  body('elif 100,000 times', TOO_MUCH, () => `if True:\n  pass\n${'elif True:\n  pass\n'.repeat(100_000)}return x`),
  body('blocks 10,000 deep', 'TORCHSCRIPT_SYNTAX', () => `${Array.from({ length: 2000 }, (_, d) => `${' '.repeat(d)}if True:\n`).join('')}${' '.repeat(2000)}pass\nreturn x`),
  body('one-line blocks in each other', /TORCHSCRIPT_SYNTAX/, () => `${'if True: '.repeat(100_000)}pass\nreturn x`),
  body('a text without an end', 'TORCHSCRIPT_SYNTAX', () => 'return "abc'),
  body('a text of 10 MB', /ok|TORCHSCRIPT_|RUNTIME_/, () => `s = "${'a'.repeat(10_000_000)}"\nreturn x`),
  body('a million empty lines', 'ok', () => `${'\n'.repeat(1_000_000)}return x`),
  body('5,000 statements', /ok|CANCELLED/, () => `y = x\n${'y = torch.relu(y)\n'.repeat(5000)}return y`),
  body('500,000 statements', /TORCHSCRIPT_TOO_LARGE/, () => `y = x\n${'y = torch.relu(y)\n'.repeat(500_000)}return y`),
  body('20,000 names', 'ok', () => `${Array.from({ length: 20_000 }, (_, i) => `y${i} = ${i}\n`).join('')}return x`),
  body('a number of a million digits', /ok|TORCHSCRIPT_SYNTAX|RUNTIME_/, () => `y = ${'9'.repeat(1_000_000)}\nreturn x`),
  body('a constant that is not there', /TORCHSCRIPT_/, () => 'return CONSTANTS.c99'),
  body('python', /TORCHSCRIPT_/, () => 'import os\nos.system("true")\nreturn x'),
  body('an import in an expression', /TORCHSCRIPT_|OPERATOR_/, () => 'return __import__("os").system("true")'),
  body('an exponential tree of sums', /ok|TORCHSCRIPT_|RUNTIME_/, () => `${Array.from({ length: 60 }, (_, i) => `y${i + 1} = torch.add(${i ? `y${i}, y${i}` : 'x, x'})\n`).join('')}return y60`),
  body('an exponential tuple', /ok|TORCHSCRIPT_|RUNTIME_/, () => `t0 = (x, x)\n${Array.from({ length: 40 }, (_, i) => `t${i + 1} = (t${i}, t${i})\n`).join('')}return x`),
  body('an exponential list of numbers', /ok|TORCHSCRIPT_|RUNTIME_/, () => `t0 = [1, 2]\n${Array.from({ length: 40 }, (_, i) => `t${i + 1} = torch.add(t${i}, t${i})\n`).join('')}return x`),
  body('an exponential text', /ok|TORCHSCRIPT_|RUNTIME_/, () => `t0 = "ab"\n${Array.from({ length: 40 }, (_, i) => `t${i + 1} = torch.add(t${i}, t${i})\n`).join('')}return x`),
  body('a format of exponential length', /ok|TORCHSCRIPT_|RUNTIME_/, () => `t0 = "ab"\n${Array.from({ length: 40 }, (_, i) => `t${i + 1} = torch.format("{}{}", t${i}, t${i})\n`).join('')}return x`),
  body('functions that call each other twice, 40 deep', /TORCHSCRIPT_|INLINE_/, () => 'return __torch__.f0(x, )'),
  source('a type of 100,000 lists', 'TORCHSCRIPT_SYNTAX', () => moduleSource('return x', `weight : ${'List['.repeat(100_000)}int${']'.repeat(100_000)}`)),
  source('functions 25 deep that call the next one twice', /INLINE_TOO_LARGE|TORCHSCRIPT_TOO_LARGE/, () => moduleSource('return __torch__.f0(x, )')
    + Array.from({ length: 25 }, (_, i) => `def f${i}(x: Tensor) -> Tensor:\n  y = ${i < 24 ? `__torch__.f${i + 1}(x, )` : 'torch.relu(x)'}\n  return ${i < 24 ? `__torch__.f${i + 1}(y, )` : 'torch.relu(y)'}\n`).join('')),
  source('functions 2,000 deep', /INLINE_|TORCHSCRIPT_/, () => moduleSource('return __torch__.f0(x, )')
    + Array.from({ length: 2000 }, (_, i) => `def f${i}(x: Tensor) -> Tensor:\n  return ${i < 1999 ? `__torch__.f${i + 1}(x, )` : 'torch.relu(x)'}\n`).join('')),
  source('functions that call each other', /TORCHSCRIPT_UNSUPPORTED|INLINE_RECURSION/, () => `${moduleSource('return __torch__.f(x, )')}def f(x: Tensor) -> Tensor:\n  return __torch__.g(x, )\ndef g(x: Tensor) -> Tensor:\n  return __torch__.f(x, )\n`),
  source('a NamedTuple that holds itself', /TORCHSCRIPT_/, () => `${moduleSource('return x', 'weight : __torch__.N')}class N(NamedTuple):\n  a : __torch__.N\n`),
  source('NamedTuples that hold each other', /TORCHSCRIPT_/, () => `${moduleSource('return x', 'weight : __torch__.N')}class N(NamedTuple):\n  a : __torch__.O\nclass O(NamedTuple):\n  a : __torch__.N\n`),
  source('an exponential NamedTuple', /TORCHSCRIPT_|ok/, () => moduleSource('return x', 'weight : __torch__.N0') + Array.from({ length: 40 }, (_, i) => `class N${i}(NamedTuple):\n  a : ${i < 39 ? `__torch__.N${i + 1}` : 'int'}\n  b : ${i < 39 ? `__torch__.N${i + 1}` : 'int'}\n`).join('')),
  source('an empty enum', /TORCHSCRIPT_|ok/, () => `${moduleSource('return x', 'weight : __torch__.E')}class E(Enum):\n  pass\n`),
  source('a class twice', 'TORCHSCRIPT_SYNTAX', () => module + module),
  source('names of the prototype', /TORCHSCRIPT_/, () => moduleSource('return __torch__.constructor(x, )', 'weight : toString')),
  source('no code', /TORCHSCRIPT_/, () => ''),
  source('code that is no UTF-8', /TORCHSCRIPT_SYNTAX/, () => `${module}\u0000\uFFFF`),
  { name: 'names that leave the archive', expect: 'ZIP_UNSAFE', files: { 'input.pt': stored({ ...archiveMembers(module), '../evil': utf8('x') }) } },
  { name: 'a link to a device that never ends', expect: /NOT_A_MODEL|FILE_NOT_FOUND|TORCHSCRIPT_NOT_FOUND/, files: { 'input.pt': '/dev/zero' } },
];

function make(r: Random): Files {
  if (r.oneIn(4)) {
    const bytes = fixture(r.pick(TORCHSCRIPT_FILES));
    return { 'input.pt': mutateBytes(bytes, r, fixture(r.pick(TORCHSCRIPT_FILES))) };
  }
  if (r.oneIn(2)) return { 'input.pt': stored(archiveMembers(moduleSource(mutateText(r.pick(BODIES), r, POOL)))) };
  const members = r.pick(TORCHSCRIPT_MEMBERS);
  const name = r.pick(Object.keys(members).filter((n) => n.endsWith('.py')));
  return { 'input.pt': stored({ ...members, [name]: utf8(mutateText(Buffer.from(members[name]!).toString(), r, POOL)) }) };
}

export const torchScriptKind: FuzzKind = { name: 'torchscript', make, hostile: HOSTILE, check: (path) => exerciseModel(path, [2, 3]) };
