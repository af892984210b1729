/** Archives of torch.export: their JSON, and archives as a whole. */
import { unzipSync } from 'fflate';
import { bool, float, int, ints, members, node, parameter, programJson, tensor, type ProgramSpec } from '../../../engine/formats/pt2/testing.ts';
import { exerciseModel } from '../exercise.ts';
import { mutateJson } from '../json.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { fixture } from '../models.ts';
import { mutateBytes, utf8 } from '../mutate.ts';
import type { Random } from '../random.ts';
import { stored } from '../zips.ts';

const aten = (name: string): string => `torch.ops.aten.${name}`;
const SPECS: readonly ProgramSpec[] = [
  { nodes: [node(aten('relu.default'), { self: tensor('x') }, [tensor('y')], ['act:torch.nn.modules.activation.ReLU'])], outputs: [tensor('y')] },
  {
    parameters: { 'block.fc.weight': [3, 3], 'block.fc.bias': [3] },
    nodes: [
      node(aten('linear.default'), { input: tensor('x'), weight: parameter('block.fc.weight'), bias: parameter('block.fc.bias') }, [tensor('a')], ['block:Block', 'block.fc:torch.nn.modules.linear.Linear']),
      node(aten('view.default'), { self: tensor('a'), size: ints(3, 2) }, [tensor('b')]),
      node(aten('add.Tensor'), { self: tensor('b'), other: tensor('b'), alpha: int(2) }, [tensor('c')]),
      node(aten('softmax.int'), { self: tensor('c'), dim: int(-1) }, [tensor('d')]),
      node(aten('mean.dim'), { self: tensor('d'), dim: ints(0), keepdim: bool(true) }, [tensor('e')]),
      node(aten('leaky_relu.default'), { self: tensor('e'), negative_slope: float(0.1) }, [tensor('f')]),
    ],
    outputs: [tensor('f'), tensor('a')],
  },
  {
    nodes: [
      node(aten('full.default'), { size: ints(2, 3), fill_value: float(2) }, [tensor('a')]),
      node(aten('cat.default'), { tensors: { as_tensors: [{ name: 'x' }, { name: 'a' }] }, dim: int(1) }, [tensor('b')]),
      node(aten('split.Tensor'), { self: tensor('b'), split_size: int(2), dim: int(1) }, [{ as_tensors: [{ name: 'c' }, { name: 'd' }, { name: 'e' }] }]),
      node(aten('mul.Tensor'), { self: tensor('c'), other: tensor('d') }, [tensor('g')]),
    ],
    outputs: [tensor('g'), tensor('e')],
  },
];
const ARCHIVES = [...SPECS.map((s) => members(s)), unzipSync(fixture('pt2/digit_resnet.pt2'))];
const jsonMembers = (archive: Record<string, Uint8Array>): string[] => Object.keys(archive).filter((n) => n.endsWith('.json'));
const good = members(SPECS[1]!);
const CONFIG = 'm/data/weights/model_weights_config.json';

const program = (name: string, expect: Hostile['expect'], json: () => string): Hostile => ({ name, expect, files: () => ({ 'input.pt2': stored({ ...good, 'm/models/model.json': utf8(json()) }) }) });
const nodes = (name: string, expect: Hostile['expect'], list: () => ProgramSpec['nodes'], output = 'y'): Hostile => program(name, expect, () => JSON.stringify(programJson({ nodes: list(), outputs: [tensor(output)] })));
const config = (name: string, expect: Hostile['expect'], change: (entry: Record<string, unknown>) => void): Hostile => ({
  name, expect, files: () => {
    const json = JSON.parse(Buffer.from(good[CONFIG]!).toString()) as { config: Record<string, Record<string, unknown>> };
    change(json.config['block.fc.weight']!);
    return { 'input.pt2': stored({ ...good, [CONFIG]: utf8(JSON.stringify(json)) }) };
  },
});
const meta = (entry: Record<string, unknown>, fields: Record<string, unknown>): void => { Object.assign(entry['tensor_meta'] as object, fields); };
const sizes = (...s: number[]): unknown => s.map((v) => ({ as_int: v }));

const HOSTILE: readonly Hostile[] = [
  program('a million brackets', 'PT2_DAMAGED', () => '['.repeat(1_000_000)),
  program('6 million values', 'PT2_TOO_LARGE', () => `[${'1,'.repeat(6_000_000)}1]`),
  program('a text of 30 MB', /PT2_/, () => `"${'a'.repeat(30_000_000)}"`),
  program('NaN', 'PT2_DAMAGED', () => JSON.stringify(programJson(SPECS[1]!)).replace('0.1', 'NaN')),
  program('a number beyond float64', /PT2_|RUNTIME_|KERNEL_|OPERATOR_|ok/, () => JSON.stringify(programJson(SPECS[1]!)).replace('{"as_int":2}', '{"as_int":1e999}')),
  program('no JSON', 'PT2_DAMAGED', () => 'x'),
  program('a prototype', /ok|PT2_/, () => JSON.stringify(programJson(SPECS[0]!)).replace('{', '{"__proto__":{"graph_module":1},')),
  nodes('names of the prototype', /PT2_|OPERATOR_/, () => [node('torch.ops.aten.constructor.default', { self: tensor('x') }, [tensor('y')]), node('__proto__', { toString: tensor('x') }, [tensor('hasOwnProperty')])]),
  nodes('os.system', /PT2_|OPERATOR_/, () => [node('os.system', { command: { as_string: 'true' } }, [tensor('y')])]),
  nodes('a node that reads itself', 'PT2_DAMAGED', () => [node(aten('relu.default'), { self: tensor('y') }, [tensor('y')])]),
  nodes('zeros of 2^40', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_/, () => [node(aten('full.default'), { size: ints(2 ** 40), fill_value: float(0) }, [tensor('y')])]),
  nodes('sizes whose product overflows', /OUT_OF_MEMORY|TOO_LARGE|RUNTIME_|KERNEL_/, () => [node(aten('full.default'), { size: ints(2 ** 32, 2 ** 32, 2 ** 32), fill_value: float(0) }, [tensor('y')])]),
  nodes('30,001 nodes', 'PT2_TOO_LARGE', () => {
    const name = (i: number): string => (i < 0 ? 'x' : i === 30_000 ? 'y' : `y${i}`);
    return Array.from({ length: 30_001 }, (_, i) => node(aten('relu.default'), { self: tensor(name(i - 1)) }, [tensor(name(i))]));
  }),
  nodes('a module path 10,000 deep', /ok|PT2_/, () => [node(aten('relu.default'), { self: tensor('x') }, [tensor('y')], [`${'a.'.repeat(10_000)}b:M`])]),
  nodes('10,000 calls around a node', /ok|PT2_/, () => [node(aten('relu.default'), { self: tensor('x') }, [tensor('y')], Array.from({ length: 10_000 }, (_, i) => `${Array.from({ length: Math.min(i + 1, 30) }, (__, k) => `m${k}`).join('.')}x${i}:M`))]),
  nodes('a module that calls itself', /ok|PT2_/, () => [node(aten('relu.default'), { self: tensor('x') }, [tensor('y')], ['a:A', 'a.b:B', 'a:A', 'a.b:B', 'a:A'])]),
  config('a record that is not there', 'PT2_DAMAGED', (e) => { e['path_name'] = 'absent'; }),
  config('a record outside the archive', 'PT2_DAMAGED', (e) => { e['path_name'] = '../../../../etc/passwd'; }),
  config('a pickled weight', 'PT2_UNSUPPORTED', (e) => { e['use_pickle'] = true; }),
  config('past its storage', 'PT2_DAMAGED', (e) => { meta(e, { storage_offset: { as_int: 1 } }); }),
  config('negative strides', 'PT2_DAMAGED', (e) => { meta(e, { strides: sizes(-3, -1), storage_offset: { as_int: 8 } }); }),
  config('sizes that overflow', 'PT2_DAMAGED', (e) => { meta(e, { sizes: sizes(2 ** 40, 2 ** 40), strides: sizes(0, 0) }); }),
  config('expanded without end', 'PT2_DAMAGED', (e) => { meta(e, { sizes: sizes(2 ** 40, 1), strides: sizes(0, 0) }); }),
  config('sizes that are no integers', 'PT2_DAMAGED', (e) => { meta(e, { sizes: sizes(1.5, 2) }); }),
  config('a symbolic size', 'PT2_DAMAGED', (e) => { meta(e, { sizes: [{ as_expr: { expr_str: '__import__("os").system("true")' } }] }); }),
];

function make(r: Random): Files {
  // The large one is the last: its JSON takes longer than all the others'.
  const archive = r.oneIn(12) ? ARCHIVES.at(-1)! : r.pick(ARCHIVES.slice(0, -1));
  if (r.oneIn(6)) return { 'input.pt2': mutateBytes(stored(archive), r, stored(good)) };
  const name = r.pick(jsonMembers(archive));
  const text = archive[name]!;
  const mutated = r.oneIn(4) ? mutateBytes(text, r, text) : utf8(mutateJson(JSON.parse(Buffer.from(text).toString()), r));
  return { 'input.pt2': stored({ ...archive, [name]: mutated }) };
}

export const pt2Kind: FuzzKind = { name: 'pt2', make, hostile: HOSTILE, check: (path) => exerciseModel(path, [2, 3]) };
