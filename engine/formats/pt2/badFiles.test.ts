import fc from 'fast-check';
import { zipSync } from 'fflate';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { formatOf, openModelFile } from '../index.ts';
import { codeOf, Scratch } from '../torchscript/testing.ts';
import { openPt2 } from './index.ts';
import { archive, int, members, node, parameter, programJson, tensor, type ProgramSpec } from './testing.ts';

const scratch = new Scratch();
afterAll(() => { scratch.remove(); });

const SPEC: ProgramSpec = {
  parameters: { 'fc.weight': [2, 3], 'fc.bias': [2] },
  nodes: [
    node('torch.ops.aten.linear.default', { input: tensor('x'), weight: parameter('fc.weight'), bias: parameter('fc.bias') }, [tensor('linear')], ['fc:torch.nn.modules.linear.Linear']),
    node('torch.ops.aten.relu.default', { self: tensor('linear') }, [tensor('relu')]),
  ],
  outputs: [tensor('relu')],
};
const good = members(SPEC);
const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);
const text = (name: string): string => new TextDecoder().decode(good[name]);
const MODEL = 'm/models/model.json';
const CONFIG = 'm/data/weights/model_weights_config.json';

/** Opens, lowers everything, reads every tensor. */
async function use(bytes: Uint8Array): Promise<void> {
  const m = await openPt2(scratch.file(bytes, 'pt2'));
  try {
    for (const [, module] of m.module.namedModules()) {
      for (const name of module.type.methodNames()) module.type.method(name);
      for (const v of module.attributes.values()) if (v !== null && typeof v === 'object' && 'host' in v) v.host();
    }
  } finally {
    m.close();
  }
}
const open = (changed: Record<string, Uint8Array>): Promise<string> => codeOf(use(zipSync({ ...good, ...changed }, { level: 0 })));
const replaced = (name: string, from: string | RegExp, to: string): Record<string, Uint8Array> => {
  const after = text(name).replace(from, to);
  expect(after).not.toBe(text(name));
  return { [name]: utf8(after) };
};
const without = (name: string): Promise<string> => codeOf(use(zipSync(Object.fromEntries(Object.entries(good).filter(([n]) => n !== name)), { level: 0 })));

describe('files of another kind', () => {
  it('says what the file is', async () => {
    expect(await open({})).toBe('none');
    expect(await codeOf(openPt2(join(scratch.folder, 'absent.pt2')))).toBe('PT2_NOT_FOUND');
    expect(await codeOf(use(new Uint8Array()))).toBe('PT2_NOT_AN_ARCHIVE');
    expect(await codeOf(use(archive(SPEC).subarray(0, 900)))).toBe('PT2_NOT_AN_ARCHIVE');
    expect(await codeOf(use(zipSync({ 'm/readme.txt': utf8('hi') })))).toBe('PT2_NOT_AN_ARCHIVE');
    expect(await codeOf(use(zipSync({ 'archive/serialized_exported_program.json': utf8('{}') })))).toBe('PT2_OLD_FORMAT');
    expect(await codeOf(use(zipSync({ 'm/data/aotinductor/model/x.so': utf8('') })))).toBe('PT2_COMPILED');
  });

  it('is known by its content, whatever its name; a damaged one by its name', async () => {
    expect((await formatOf(scratch.file(archive(SPEC), 'pt'))).name).toBe('torch.export');
    expect((await formatOf(scratch.file(archive(SPEC).subarray(0, 900), 'pt2'))).name).toBe('torch.export');
    expect(await codeOf(openModelFile(scratch.file(utf8('nothing'), 'pt2')))).toBe('PT2_NOT_AN_ARCHIVE');
  });
});

describe('damaged programs', () => {
  it('names what is missing', async () => {
    expect(await without(CONFIG)).toBe('PT2_MISSING_WEIGHT');
    expect(await without('m/data/weights/weight_1')).toBe('PT2_DAMAGED');
    expect(await open({ [CONFIG]: utf8('{"config": {}}') })).toBe('PT2_MISSING_WEIGHT');
    expect(await open(replaced(MODEL, '"outputs":[{"as_tensor":{"name":"linear"}}]', '"outputs":[{"as_tensor":{"name":"other"}}]'))).toBe('PT2_DAMAGED');
    expect(await open(replaced(MODEL, '"target":"torch.ops.aten.relu.default",', ''))).toBe('PT2_DAMAGED');
    expect(await open(replaced(MODEL, '"major":8', '"major":99'))).toBe('PT2_VERSION');
    await expect(use(zipSync({ ...good, ...replaced(MODEL, '"major":8', '"major":"8"') }))).rejects.toThrow(/schema_version\.major: should be an integer, is "8"/);
  });

  it.each<[string, string]>([['no JSON', '{"graph_module": '], ['a number', '1'], ['null', 'null'], ['a list', '[]'], ['nothing', ''], ['bad UTF-8', '\ud800']])('%s', async (_, json) => {
    expect(await open({ [MODEL]: json === '\ud800' ? Uint8Array.from([0x22, 0xff, 0xfe, 0x22]) : utf8(json) })).toBe('PT2_DAMAGED');
  });

  it('million-deep nesting, and millions of values', async () => {
    const started = performance.now();
    expect(await open({ [MODEL]: utf8('['.repeat(1_000_000)) })).toBe('PT2_DAMAGED');
    expect(await open({ [MODEL]: utf8(`${'{"a":'.repeat(1_000_000)}1${'}'.repeat(1_000_000)}`) })).toBe('PT2_DAMAGED');
    expect(await open({ [MODEL]: utf8(`[${'0,'.repeat(6_000_000)}0]`) })).toBe('PT2_TOO_LARGE');
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('loops in the conditions of loops', async () => {
    /** `wide` loops in a row, each with such loops in its condition, `deep` levels of them. */
    const loops = (deep: number, wide: number): string => {
      const empty = { inputs: [tensor('v')], outputs: [tensor('v')], nodes: [] as unknown[] };
      let condition = empty;
      for (let i = 0; i < deep; i++) {
        const graphs = [{ as_graph: { name: 'c', graph: condition } }, { as_graph: { name: 'b', graph: empty } }];
        const inputs = [...graphs, { as_tensors: [{ name: 'v' }] }, { as_tensors: [] }].map((arg) => ({ name: '', arg }));
        const nodes = Array.from({ length: wide }, (_, k) => ({ target: 'torch.ops.higher_order.while_loop', inputs, outputs: [tensor(`w${k}`)] }));
        condition = { ...empty, nodes, outputs: [tensor('w0')] };
      }
      return JSON.stringify(programJson({ inputs: [tensor('v')], nodes: condition.nodes as ProgramSpec['nodes'], outputs: [tensor('w0')] }));
    };
    const code = (json: string): Promise<string> => codeOf(use(zipSync({ ...good, [MODEL]: utf8(json) }, { level: 0 })));
    expect(await code(loops(2, 2))).toBe('none');
    expect(await code(loops(22, 1))).toBe('PT2_DAMAGED');
    expect(await code(loops(6, 4))).toBe('PT2_TOO_LARGE');
  });

  it('deep modules, double names, endless stacks', async () => {
    const deep = `${'a.'.repeat(50_000)}weight`;
    expect(await open({ ...replaced(MODEL, '"parameter_name":"fc.weight"', `"parameter_name":"${deep}"`), ...replaced(CONFIG, '"fc.weight"', `"${deep}"`) })).toBe('PT2_DAMAGED');
    expect(await open(replaced(MODEL, '"parameter_name":"fc.bias"', '"parameter_name":"fc.weight"'))).toBe('PT2_DAMAGED');
    expect(await open(replaced(MODEL, '"parameter_name":"fc.bias"', '"parameter_name":"fc"'))).not.toBe('none');
    const stack = Array.from({ length: 100_000 }, (_, i) => `k${i},${'m.'.repeat(i % 300)}m,torch.nn.Module`).slice(0, 3000).join(';');
    expect(await open(replaced(MODEL, /L__self__,,__main__\.Model"/, `L__self__,,__main__.Model;${stack}"`))).toBe('none');
  });

  it('names that every object has', async () => {
    expect(await open(replaced(MODEL, /"linear"/g, '"__proto__"'))).toBe('none');
    expect(await open(replaced(MODEL, /"relu"/g, '"constructor"'))).toBe('none');
    expect(await open(replaced(MODEL, '"as_tensor":{"name":"linear"}}}', '"constructor":{"name":"linear"}}}'))).toBe('none');
  });
});

describe('tensors stay within their records', () => {
  it.each<[string, RegExp, string]>([
    ['larger than its record', /"sizes":\[\{"as_int":2\}/, '"sizes":[{"as_int":200}'],
    ['past the end', /"storage_offset":\{"as_int":0\}/, '"storage_offset":{"as_int":1}'],
    ['negative offset', /"storage_offset":\{"as_int":0\}/, '"storage_offset":{"as_int":-1}'],
    ['negative stride', /"strides":\[\{"as_int":3\}/, '"strides":[{"as_int":-3}'],
    ['ranks differ', /"strides":\[\{"as_int":3\},/, '"strides":['],
    ['product overflows', /"sizes":\[\{"as_int":2\},\{"as_int":3\}\]/, '"sizes":[{"as_int":4503599627370496},{"as_int":4503599627370496}]'],
    ['expanded without end', /"sizes":\[\{"as_int":2\},\{"as_int":3\}\](.*?)"strides":\[\{"as_int":3\},\{"as_int":1\}\]/, '"sizes":[{"as_int":30000},{"as_int":30000}]$1"strides":[{"as_int":0},{"as_int":0}]'],
    ['a symbolic size', /"sizes":\[\{"as_int":2\}/, '"sizes":[{"as_expr":{"expr_str":"s0"}}'],
    ['a fraction', /"sizes":\[\{"as_int":2\}/, '"sizes":[{"as_int":1.5}'],
  ])('%s', async (_, from, to) => {
    expect(await open(replaced(CONFIG, from, to))).toBe('PT2_DAMAGED');
  });

  it('what is not held here is named', async () => {
    expect(await open(replaced(CONFIG, '"dtype":7', '"dtype":10'))).toBe('PT2_UNSUPPORTED');
    expect(await open(replaced(CONFIG, '"layout":7', '"layout":1'))).toBe('PT2_UNSUPPORTED');
    expect(await open(replaced(CONFIG, '"use_pickle":false', '"use_pickle":true'))).toBe('PT2_UNSUPPORTED');
  });
});

describe('damage gives typed errors', () => {
  const typed = async (bytes: Uint8Array): Promise<void> => {
    try {
      await use(bytes);
    } catch (e) {
      if (!(e instanceof QuantbenchError)) throw e;
    }
  };
  const whole = archive(SPEC);

  it('bits flipped anywhere in an archive, and cuts', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const bytes = Uint8Array.from(whole);
      bytes[at]! ^= mask;
      await typed(bytes);
    }), { numRuns: 200 });
    await fc.assert(fc.asyncProperty(fc.nat(whole.length), async (n) => { await typed(Uint8Array.from(whole.subarray(0, n))); }), { numRuns: 50 });
  });

  it('bytes changed in the JSON, with a valid archive around it', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(MODEL, CONFIG), fc.nat(), fc.integer({ min: 32, max: 126 }), async (part, where, byte) => {
      const bytes = Uint8Array.from(good[part]!);
      bytes[where % bytes.length] = byte;
      await typed(zipSync({ ...good, [part]: bytes }, { level: 0 }));
    }), { numRuns: 500 });
  });

  it('values of the JSON taken for others', async () => {
    const anything = fc.constantFrom<unknown>(null, true, -1, 1e308, '', 'x', 'p_fc_weight', [], {}, [[]], { as_none: true }, { as_int: 1 }, { as_tensor: { name: 'x' } }, tensor('relu'), int(3));
    await fc.assert(fc.asyncProperty(fc.constantFrom(MODEL, CONFIG), fc.nat(), anything, async (part, where, value) => {
      const json: unknown = JSON.parse(text(part));
      const places: [Record<string, unknown>, string][] = [];
      const walk = (v: unknown): void => {
        if (typeof v !== 'object' || v === null) return;
        for (const k of Object.keys(v)) {
          places.push([v as Record<string, unknown>, k]);
          walk((v as Record<string, unknown>)[k]);
        }
      };
      walk(json);
      const [owner, key] = places[where % places.length]!;
      owner[key] = value;
      await typed(zipSync({ ...good, [part]: utf8(JSON.stringify(json)) }, { level: 0 }));
    }), { numRuns: 800 });
  });
});
