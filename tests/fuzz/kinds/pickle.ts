/** Pickles: data.pkl of a TorchScript archive that is whole but for it. */
import { archiveMembers, moduleSource, PickleWriter } from '../../../engine/formats/torchscript/testing.ts';
import { exerciseModel } from '../exercise.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { TORCHSCRIPT_MEMBERS } from '../models.ts';
import { concat, mutateBytes } from '../mutate.ts';
import type { Random } from '../random.ts';
import { stored } from '../zips.ts';

const good = archiveMembers(moduleSource('return torch.relu(x)'));
const withData = (data: Uint8Array): Files => ({ 'input.pt': stored({ ...good, 'm/data.pkl': data }) });
const pickle = (name: string, expect: Hostile['expect'], data: () => Uint8Array): Hostile => ({ name, expect, files: () => withData(data()) });
const writer = (): PickleWriter => new PickleWriter();
const P2 = [0x80, 2];
/** Opcodes, many times over. */
const many = (n: number, ...ops: number[]): Uint8Array => new Uint8Array(Buffer.alloc(n * ops.length, Uint8Array.from(ops)));
const stream = (...parts: (readonly number[] | Uint8Array)[]): Uint8Array => concat(...parts.map((p) => Uint8Array.from(p)));
const weight = (elements: number, offset: number, shape: readonly number[], strides: readonly number[]): Uint8Array =>
  writer().object('__torch__', 'M', (w) => w.text('weight').tensor('0', elements, offset, shape, strides)).done();

const CALLS: readonly [string, string][] = [
  ['os', 'system'], ['posix', 'system'], ['nt', 'system'], ['builtins', 'eval'], ['builtins', 'exec'], ['builtins', '__import__'], ['__builtin__', 'eval'], ['builtins', 'getattr'],
  ['subprocess', 'Popen'], ['subprocess', 'check_output'], ['torch', 'load'], ['torch.hub', 'load'], ['torch.jit._pickle', 'exec'], ['torch.serialization', 'load'],
  ['runpy', '_run_code'], ['importlib', 'import_module'], ['operator', 'attrgetter'], ['codecs', 'decode'], ['webbrowser', 'open'], ['shutil', 'rmtree'], ['socket', 'socket'],
  ['torch.classes', 'load_library'], ['torch._utils', '_rebuild_wrapper_subclass'], ['collections', '__builtins__'], ['', ''], ['constructor', 'constructor'], ['__proto__', 'toString'],
];

const HOSTILE: readonly Hostile[] = [
  ...CALLS.map(([module, name]) => pickle(`${module}.${name}`, 'UNPICKLE_FORBIDDEN', () => writer().global(module, name).mark().text('touch /tmp/owned').tuple().reduce().done())),
  pickle('os.system by STACK_GLOBAL', 'UNPICKLE_FORBIDDEN', () => stream(P2, [0x8c, 2, 0x6f, 0x73, 0x8c, 6, 0x73, 0x79, 0x73, 0x74, 0x65, 0x6d, 0x93, 0x29, 0x52, 0x2e])),
  pickle('os.system by INST', 'UNPICKLE_DAMAGED', () => stream(P2, [0x28, 0x69], new TextEncoder().encode('os\nsystem\n'), [0x2e])),
  pickle('an extension by its code', 'UNPICKLE_DAMAGED', () => stream(P2, [0x82, 1, 0x2e])),
  pickle('a class of the model that has no code', /TORCHSCRIPT_|UNPICKLE_/, () => writer().object('__torch__.os', 'system', () => undefined).done()),
  pickle('protocol 0', 'UNPICKLE_FORBIDDEN', () => new TextEncoder().encode('cos\nsystem\n(S\'true\'\ntR.')),
  pickle('protocol 5', 'UNPICKLE_DAMAGED', () => stream([0x80, 5, 0x2e])),
  pickle('a list that holds itself', 'UNPICKLE_LIMIT', () => stream(P2, [0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e])),
  pickle('a dict whose key holds itself', /UNPICKLE_|TORCHSCRIPT_/, () => stream(P2, [0x7d, 0x71, 0, 0x68, 0, 0x85, 0x4b, 1, 0x73, 0x2e])),
  pickle('a million tuples deep', 'UNPICKLE_LIMIT', () => stream(P2, [0x29], many(1_000_000, 0x85), [0x2e])),
  pickle('a million marks', /UNPICKLE_/, () => stream(P2, many(1_000_000, 0x28), [0x2e])),
  pickle('a million marks, then tuples', /UNPICKLE_/, () => stream(P2, many(200_000, 0x28), many(200_000, 0x74), [0x2e])),
  pickle('a billion laughs by memo', 'UNPICKLE_LIMIT', () => stream(P2, [0x29, 0x71, 0], many(60, 0x68, 0, 0x68, 0, 0x86, 0x71, 0, 0x30, 0x68, 0), [0x2e])),
  pickle('a billion laughs by DUP', 'UNPICKLE_LIMIT', () => stream(P2, [0x29], many(60, 0x32, 0x86), [0x2e])),
  pickle('a memo of 5 million', /UNPICKLE_|TORCHSCRIPT_/, () => stream(P2, [0x29], many(5_000_000, 0x94), [0x2e])),
  pickle('10 million values on the stack', /UNPICKLE_|TORCHSCRIPT_/, () => stream(P2, many(10_000_000, 0x29), [0x2e])),
  pickle('10 million dicts on the stack', /UNPICKLE_|TORCHSCRIPT_/, () => stream(P2, many(10_000_000, 0x7d), [0x2e])),
  pickle('a list of 10 million', /UNPICKLE_|TORCHSCRIPT_/, () => stream(P2, [0x5d, 0x28], many(10_000_000, 0x4e), [0x65, 0x2e])),
  pickle('a text of 4 GB', 'UNPICKLE_DAMAGED', () => stream(P2, [0x58, 255, 255, 255, 255, 0x2e])),
  pickle('a text of 2^63 bytes', 'UNPICKLE_DAMAGED', () => stream(P2, [0x8d, 255, 255, 255, 255, 255, 255, 255, 127, 0x2e])),
  pickle('an integer of 200 MB', 'UNPICKLE_DAMAGED', () => stream(P2, [0x8b, 0, 0, 0, 12, 0x2e])),
  pickle('no STOP', 'UNPICKLE_DAMAGED', () => stream(P2, [0x4e])),
  pickle('no bytes', 'UNPICKLE_DAMAGED', () => new Uint8Array()),
  pickle('a tensor past its storage', 'TORCHSCRIPT_DAMAGED', () => weight(4, 1, [2, 2], [2, 1])),
  pickle('a tensor with negative strides', 'TORCHSCRIPT_DAMAGED', () => weight(4, 3, [2, 2], [-2, -1])),
  pickle('a tensor whose sizes overflow', 'TORCHSCRIPT_DAMAGED', () => weight(4, 0, [2147483647, 2147483647, 2147483647], [0, 0, 0])),
  pickle('a tensor whose sizes overflow to 0', /TORCHSCRIPT_DAMAGED|ok/, () => weight(4, 0, [2147483647, 2147483647, 2147483647, 0], [0, 0, 0, 0])),
  pickle('a tensor expanded to 2^31', 'TORCHSCRIPT_DAMAGED', () => weight(4, 0, [2147483647], [0])),
  pickle('a tensor of another record size', 'TORCHSCRIPT_DAMAGED', () => weight(5, 0, [2], [1])),
  pickle('a module that holds itself', /UNPICKLE_LIMIT|UNPICKLE_DAMAGED/, () => stream(P2, [0x63], new TextEncoder().encode('__torch__\nM\n'), [0x29, 0x81, 0x71, 0, 0x7d, 0x58, 6, 0, 0, 0], new TextEncoder().encode('weight'), [0x68, 0, 0x73, 0x62, 0x2e])),
];

/** Pickles at whose bytes real ones were written, each with the members around it. */
const SEEDS = TORCHSCRIPT_MEMBERS.flatMap((members) => Object.keys(members).filter((n) => n.endsWith('data.pkl') || n.endsWith('constants.pkl')).map((name) => ({ members, name })));

function make(r: Random): Files {
  const { members, name } = r.pick(SEEDS);
  const other = r.pick(SEEDS);
  return { 'input.pt': stored({ ...members, [name]: mutateBytes(members[name]!, r, other.members[other.name]!) }) };
}

export const pickleKind: FuzzKind = { name: 'pickle', make, hostile: HOSTILE, check: (path) => exerciseModel(path, [2, 3]) };
