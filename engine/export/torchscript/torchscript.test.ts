import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { unpickle } from '../../formats/torchscript/unpickler.ts';
import { Graph } from '../../ir/graph.ts';
import { ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { opSequence } from '../../quantization/jit/convertJit.ts';
import { deviceFor } from '../../workflow/devices.ts';
import { openModel } from '../../workflow/models.ts';
import { scriptedRunner } from '../../workflow/runner.ts';
import { convertedDigits, digitsBatch } from '../testing.ts';
import { exportTorchScript } from './index.ts';
import { PickleName, call, tuple, writePickle } from './pickleWriter.ts';
import { storedZip } from './storedZip.ts';
import { floatToHalf } from './tensorBytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'export-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
const samples = join(import.meta.dirname, '../../../samples/digits');
const fixtures = join(import.meta.dirname, '../../../tests/fixtures/torchscript');

let count = 0;
function write(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.pt`);
  writeFileSync(path, bytes);
  return path;
}

describe('int8 models of the digits', () => {
  it.each(['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit'].flatMap((m) => (['per-tensor', 'per-channel'] as const).map((w) => [m, w] as const)))(
    '%s, %s weights: the same graph and the same outputs when read back', async (name, weight) => {
      const device = await deviceFor('cpu');
      const { graph, module } = await convertedDigits(name, { weight });
      const back = await openTorchScript(write(exportTorchScript({ graph, module, name })));
      const again = back.module.type.method('forward');
      expect(opSequence(again)).toEqual(opSequence(graph));
      const input = [await digitsBatch('test', 0, 8)];
      const [ours, theirs] = [scriptedRunner(graph, device, module), scriptedRunner(freezeModule(back.module).frozen, device, back.module)];
      const [a, b] = [await ours.run(input), await theirs.run(input)];
      expect(toRowMajor(b[0]!.tensor)).toEqual(toRowMajor(a[0]!.tensor));
      back.close();
    }, 60_000);
});

describe('fp32 models', () => {
  const files = [...readdirSync(samples).filter((f) => f.endsWith('.pt')).map((f) => join(samples, f)), ...readdirSync(fixtures).filter((f) => f.endsWith('.pt')).map((f) => join(fixtures, f))];
  it.each(files)('%s: the frozen graph is read back', async (file) => {
    const model = await openModel(file);
    const { frozen } = model.stages();
    const back = await openTorchScript(write(exportTorchScript({ graph: frozen, module: model.module, name: 'model' })));
    expect(opSequence(freezeModule(back.module).frozen)).toEqual(opSequence(frozen));
    back.close();
  });

  const patterns = join(import.meta.dirname, '../../../../shared/fixtures/patterns');
  it.skipIf(!existsSync(patterns))('every pattern of the fixtures is read back', async () => {
    for (const file of readdirSync(patterns).filter((f) => f.endsWith('.pt'))) {
      const model = await openModel(join(patterns, file));
      const { frozen } = model.stages();
      const back = await openTorchScript(write(exportTorchScript({ graph: frozen, module: model.module, name: 'model' })));
      expect(opSequence(freezeModule(back.module).frozen), file).toEqual(opSequence(frozen));
      back.close();
    }
  }, 120_000);
});

describe('control flow', () => {
  /** A graph by hand: a loop with both a count and a condition that swaps what it carries. */
  function swapping(): { graph: Graph; module: ModuleObject } {
    const graph = new Graph('forward');
    const type = { name: '__torch__.Swap', attributeTypes: new Map(), parameters: [], buffers: [], constants: new Map(), methodNames: () => ['forward'], method: () => graph };
    const module = new ModuleObject(type);
    graph.block.addInput(T.cls(type.name), 'self');
    const x = graph.block.addInput(T.tensor, 'in');
    const y = graph.block.addInput(T.tensor, 'lambda');
    const constant = (v: number | boolean, t: typeof T.int): Graph['inputs'][number] => graph.block.append(graph.constant(v, t)).output;
    const loop = graph.create('prim::Loop', [constant(3, T.int), constant(true, T.bool), x, y], [T.tensor, T.tensor]);
    graph.block.append(loop);
    const body = loop.addBlock();
    const i = body.addInput(T.int, 'i');
    const [a, b] = [body.addInput(T.tensor, 'a'), body.addInput(T.tensor, 'b')];
    const limit = body.append(graph.constant(5, T.int)).output;
    const go = body.append(graph.create('aten::lt', [i, limit], [T.bool])).output;
    for (const v of [go, b, a]) body.addOutput(v);
    const out = graph.block.append(graph.create('aten::sub', [loop.outputs[0]!, loop.outputs[1]!, constant(1, T.int)]));
    graph.block.addOutput(out.output);
    return { graph, module };
  }

  it('loops carry their variables at once, whatever Python calls them', async () => {
    const { graph, module } = swapping();
    const back = await openTorchScript(write(exportTorchScript({ graph, module, name: 'swap' })));
    const device = await deviceFor('cpu');
    const input = [hostTensor('float32', [2], [5, 7]), hostTensor('float32', [2], [1, 2])];
    const [ours, theirs] = [scriptedRunner(graph, device, module), scriptedRunner(freezeModule(back.module).frozen, device, back.module)];
    expect([...toRowMajor((await ours.run(input))[0]!.tensor)]).toEqual([-4, -5]);
    expect([...toRowMajor((await theirs.run(input))[0]!.tensor)]).toEqual([-4, -5]);
    back.close();
  });

  it('what cannot be written is named with its modules, all at once', () => {
    const { graph, module } = swapping();
    for (const scope of ['a.b', 'c']) {
      const call = graph.create('prim::CallMethod', [graph.inputs[0]!], [T.tensor]);
      call.attributes.set('name', 'forward');
      call.scope = scope;
      graph.block.prepend(call);
    }
    expect(() => exportTorchScript({ graph, module, name: 'm' })).toThrow(/prim::CallMethod \(in c, a\.b\)/);
  });
});

describe('the parts', () => {
  it('pickles are read back', () => {
    const long = 'x'.repeat(70_000);
    const value = new Map<string, Parameters<typeof writePickle>[0]>([['ints', [0, 255, 256, 65_536, -1, 2 ** 40]], ['text', [long, long, 'ü']], ['flags', tuple(true, false, null)], ['float', { kind: 'float', value: 0.1 }],
      ['call', call('torch.device', 'cpu')]]);
    const back = unpickle(writePickle(value), 'test', { allows: (g) => g.qualified === 'torch.device', call: (_, args) => args[0], persistent: () => null, build: () => null });
    expect(back).toEqual(new Map<string, unknown>([['ints', [0, 255, 256, 65_536, -1, 2 ** 40]], ['text', [long, long, 'ü']], ['flags', [true, false, null]], ['float', 0.1], ['call', 'cpu']]));
    expect(PickleName.of('__torch__.a.B')).toEqual({ module: '__torch__.a', name: 'B' });
  });

  it('members start at multiples of 64', () => {
    const members = [1, 63, 64, 65, 1000].map((n, i) => ({ name: `data/${i}`, data: new Uint8Array(n).fill(i + 7) }));
    const zip = storedZip('root', members);
    let at = 0;
    for (const m of members) {
      const view = new DataView(zip.buffer, zip.byteOffset + at);
      const start = at + 30 + view.getUint16(26, true) + view.getUint16(28, true);
      expect(start % 64).toBe(0);
      expect(zip.subarray(start, start + m.data.length)).toEqual(m.data);
      at = start + m.data.length;
    }
  });

  it('halves are rounded to even', () => {
    expect([0, 1, -2, 65504, 65520, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 2 ** -25, 2 ** -14 - 2 ** -25, Infinity].map(floatToHalf))
      .toEqual([0, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0x3c00, 0x3c02, 1, 0, 0x0400, 0x7c00]);
  });
});
