import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { openTorchScript } from './index.ts';
import { PickleWriter, Scratch, archiveMembers, codeOf, moduleSource } from './testing.ts';

const scratch = new Scratch();
afterAll(() => { scratch.remove(); });

const good = archiveMembers(moduleSource('return torch.relu(x)'));
const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);
const open = (members: Record<string, Uint8Array>): Promise<string> => codeOf(openTorchScript(scratch.archive(members)).then((m) => { m.close(); }));
const withData = (data: Uint8Array): Promise<string> => open({ ...good, 'm/data.pkl': data });

describe('files of another kind', () => {
  it('says what the file is', async () => {
    expect(await open(good)).toBe('none');
    expect(await codeOf(openTorchScript(join(scratch.folder, 'absent.pt')))).toBe('TORCHSCRIPT_NOT_FOUND');
    expect(await codeOf(openTorchScript(scratch.folder))).toBe('TORCHSCRIPT_NOT_FOUND');
    expect(await codeOf(openTorchScript(scratch.file(new Uint8Array())))).toBe('TORCHSCRIPT_NOT_AN_ARCHIVE');
    expect(await codeOf(openTorchScript(scratch.file(utf8('hello world, this is no model'))))).toBe('TORCHSCRIPT_NOT_AN_ARCHIVE');
    expect(await codeOf(openTorchScript(scratch.file(new PickleWriter().emptyTuple().done())))).toBe('TORCHSCRIPT_LEGACY_PICKLE');
    const whole = zipSync(good, { level: 0 });
    expect(await codeOf(openTorchScript(scratch.file(whole.subarray(0, whole.length - 100))))).toBe('TORCHSCRIPT_TRUNCATED');
    expect(await open({ 'x/readme.txt': utf8('hi') })).toBe('TORCHSCRIPT_NOT_AN_ARCHIVE');
    expect(await open({ 'm/data.pkl': good['m/data.pkl']!, 'm/version': utf8('3') })).toBe('TORCHSCRIPT_STATE_DICT');
    expect(await open({ 'm/models/model.json': utf8('{}'), 'm/version': utf8('3') })).toBe('TORCHSCRIPT_IS_PT2');
  });

  it('says what an archive lacks', async () => {
    const without = (name: string): Promise<string> => open(Object.fromEntries(Object.entries(good).filter(([n]) => n !== name)));
    expect(await without('m/constants.pkl')).toBe('TORCHSCRIPT_DAMAGED');
    expect(await without('m/version')).toBe('TORCHSCRIPT_DAMAGED');
    expect(await without('m/data/0')).toBe('TORCHSCRIPT_DAMAGED');
    expect(await open({ ...good, 'm/version': utf8('99') })).toBe('TORCHSCRIPT_VERSION');
    expect(await open({ ...good, 'n/x': utf8('x') })).toBe('TORCHSCRIPT_DAMAGED');
    expect(await open({ ...good, 'm/data/0': new Uint8Array(8) })).toBe('TORCHSCRIPT_DAMAGED');
    expect(await withData(new PickleWriter().emptyTuple().done())).toBe('TORCHSCRIPT_NOT_A_MODULE');
    expect(await withData(new PickleWriter().object('__torch__', 'Other', () => undefined).done())).toBe('TORCHSCRIPT_NOT_A_MODULE');
  });

  it('refuses names that leave the archive, and double ones', async () => {
    expect(await open({ ...good, '../evil': utf8('x') })).toBe('ZIP_UNSAFE');
    const bytes = Buffer.from(zipSync({ ...good, 'm/extra': utf8('a'), 'm/extrb': utf8('b') }, { level: 0 }));
    for (let at = bytes.indexOf('m/extrb'); at >= 0; at = bytes.indexOf('m/extrb')) bytes.write('m/extra', at);
    expect(await codeOf(openTorchScript(scratch.file(bytes)))).toBe('ZIP_UNSAFE');
  });
});

describe('hostile pickles run nothing', () => {
  it.each([['os', 'system'], ['posix', 'system'], ['builtins', 'eval'], ['torch', 'load'], ['torch.jit._pickle', 'exec'], ['subprocess', 'Popen']])('%s.%s is forbidden', async (module, name) => {
    expect(await withData(new PickleWriter().global(module, name).mark().text('echo x').tuple().reduce().done())).toBe('UNPICKLE_FORBIDDEN');
  });

  it('names the global', async () => {
    const path = scratch.archive({ ...good, 'm/data.pkl': new PickleWriter().global('os', 'system').done() });
    await expect(openTorchScript(path)).rejects.toThrow(/data\.pkl asks for os\.system/);
  });

  it('refuses leftovers that are no values', async () => {
    const holding = (fill: (w: PickleWriter) => PickleWriter): Promise<string> =>
      withData(new PickleWriter().object('__torch__', 'M', (w) => { fill(w.text('weight')); }).done());
    expect(await holding((w) => w.global('torch', 'FloatStorage'))).toBe('UNPICKLE_DAMAGED');
    expect(await holding((w) => w.global('__torch__', 'M').emptyTuple().raw(0x81))).toBe('UNPICKLE_DAMAGED');
    expect(await holding((w) => w.int(1))).toBe('none');
  });

  it('refuses cycles, endless nesting and explosions', async () => {
    const cyclic = new PickleWriter().raw(0x5d, 0x71, 0, 0x68, 0, 0x61).done(); // l = []; l.append(l)
    expect(await withData(cyclic)).toBe('UNPICKLE_LIMIT');
    const deep = new PickleWriter().emptyTuple();
    for (let i = 0; i < 100_000; i++) deep.raw(0x85);
    expect(await withData(deep.done())).toBe('UNPICKLE_LIMIT');
    const laughs = new PickleWriter().emptyTuple().raw(0x71, 0);
    for (let i = 0; i < 40; i++) laughs.raw(0x68, 0, 0x68, 0, 0x86, 0x71, 0, 0x30).raw(0x68, 0); // a = (a, a)
    expect(await withData(laughs.done())).toBe('UNPICKLE_LIMIT');
  });

  it.each<[string, number, number, number[], number[]]>([
    ['past the end', 4, 1, [2, 2], [2, 1]], ['negative stride', 4, 0, [2, 2], [-2, 1]], ['negative size', 4, 0, [-2, 2], [2, 1]], ['negative offset', 4, -1, [2], [1]],
    ['ranks differ', 4, 0, [2, 2], [1]], ['product overflows', 4, 0, [2147483647, 2147483647, 2147483647], [0, 0, 0]], ['expanded without end', 4, 0, [100_000_000], [0]],
    ['record size differs', 5, 0, [2], [1]],
  ])('a tensor with %s is refused', async (_, elements, offset, shape, strides) => {
    const data = new PickleWriter().object('__torch__', 'M', (w) => w.text('weight').tensor('0', elements, offset, shape, strides)).done();
    expect(await withData(data)).toBe('TORCHSCRIPT_DAMAGED');
  });

  it('complex tensors are named as what they are', async () => {
    const data = new PickleWriter().object('__torch__', 'M', (w) => w.text('weight').tensor('0', 2, 0, [2], [1], 'ComplexFloatStorage')).done();
    expect(await withData(data)).toBe('TORCHSCRIPT_UNSUPPORTED_DTYPE');
  });
});

describe('damage gives typed errors', () => {
  const script = readFileSync(join(import.meta.dirname, '../../../tests/fixtures/torchscript/script_list.scripted.pt'));

  /** Opens, lowers everything, reads every tensor. */
  const use = async (bytes: Uint8Array): Promise<void> => {
    try {
      const m = await openTorchScript(scratch.file(bytes));
      try {
        for (const [, module] of m.module.namedModules()) {
          for (const name of module.type.methodNames()) module.type.method(name);
          for (const v of module.attributes.values()) if (v !== null && typeof v === 'object' && 'host' in v) v.host();
        }
      } finally {
        m.close();
      }
    } catch (e) {
      if (!(e instanceof QuantbenchError)) throw e;
    }
  };

  it('bits flipped anywhere in an archive', async () => {
    const flip = fc.tuple(fc.nat(script.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 3 }), async (flips) => {
      const bytes = Uint8Array.from(script);
      for (const [at, mask] of flips) bytes[at]! ^= mask;
      await use(bytes);
    }), { numRuns: 150 });
  });

  it('cut anywhere', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(script.length), async (n) => { await use(Uint8Array.from(script.subarray(0, n))); }), { numRuns: 50 });
  });

  it('bits flipped in a pickle, and in source, with a valid archive around them', async () => {
    const parts = ['m/data.pkl', 'm/code/__torch__.py'] as const;
    await fc.assert(fc.asyncProperty(fc.constantFrom(...parts), fc.nat(), fc.integer({ min: 1, max: 255 }), async (part, where, mask) => {
      const bytes = Uint8Array.from(good[part]!);
      bytes[where % bytes.length]! ^= mask;
      await use(zipSync({ ...good, [part]: bytes }, { level: 0 }));
    }), { numRuns: 300 });
  });
});
