import { afterAll, expect, test } from 'vitest';
import { hostTensor } from '../../kernels/layout.ts';
import { modelBytes } from '../formats/onnx/testing.ts';
import { writeNpy } from '../formats/npy/index.ts';
import { archive, node, tensor } from '../formats/pt2/testing.ts';
import { archiveMembers, moduleSource, Scratch } from '../formats/torchscript/testing.ts';
import { calibrate } from './calibrate.ts';
import { inspect } from './inspect.ts';
import { run } from './run.ts';

const scratch = new Scratch();
afterAll(() => { scratch.remove(); });
const job = { id: 'test', signal: new AbortController().signal, progress: () => undefined };
const qconfig = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] } as const;

/** A model of two ops that there are not, in two places, one of them twice. */
const MODELS: Record<string, () => { path: string; ops: string[]; modules: string[][] }> = {
  TorchScript: () => ({
    path: scratch.archive(archiveMembers(moduleSource('y = torch.no_such(x)\nz = torch.neither(torch.no_such(y))\nreturn torch.relu(z)'))),
    ops: ['aten::no_such', 'aten::neither'], modules: [['(top)'], ['(top)']],
  }),
  'torch.export': () => {
    const op = (name: string, from: string, to: string, path: string) => node(`torch.ops.aten.${name}.default`, { self: tensor(from) }, [tensor(to)], [`${path}:M`]);
    return {
      path: scratch.file(archive({ nodes: [op('no_such', 'x', 'a', 'body'), op('neither', 'a', 'b', 'head'), op('no_such', 'b', 'y', 'head')], outputs: [tensor('y')] }), 'pt2'),
      ops: ['aten::no_such', 'aten::neither'], modules: [['body', 'head'], ['head']],
    };
  },
  ONNX: () => {
    const op = (name: string, from: string, to: string, path: string) => ({ op: name, name: `/${path}/${name}`, inputs: [from], outputs: [to] });
    const nodes = [op('NoSuch', 'x', 'a', 'body'), op('Neither', 'x', 'b', 'head'), op('NoSuch', 'b', 'y', 'head')];
    const bytes = modelBytes({ opset: 17, inputs: { x: { dtype: 'float32', shape: ['n', 3] } }, outputs: { y: { dtype: 'float32', rank: null }, a: { dtype: 'float32', rank: null } }, nodes });
    return { path: scratch.file(bytes, 'onnx'), ops: ['onnx::NoSuch', 'onnx::Neither'], modules: [['body', 'head'], ['head']] };
  },
};

test.each(Object.entries(MODELS))('%s: every unsupported operator is named at once, with its modules, before anything runs', async (_, make) => {
  const { path, ops, modules } = make();
  const { unsupported } = await inspect(path);
  expect(unsupported.map((u) => u.op)).toEqual(ops);
  expect(unsupported.map((u) => u.modules)).toEqual(modules);
  const data = { path: scratch.file(new Uint8Array(), 'npy'), batch: 2, preprocess: {} };
  writeNpy(data.path, hostTensor('float32', [4, 3], new Float32Array(12)));
  const refused = { code: 'OPERATOR_UNSUPPORTED', message: expect.stringMatching(new RegExp(ops.join('.*'))), details: { unsupported } };
  for (const mode of ['scripted', 'imperative'] as const) {
    await expect(calibrate({ modelPath: path, data, qconfig: { ...qconfig, keepFloat: [] }, mode, device: 'cpu' }, job)).rejects.toMatchObject(refused);
  }
  await expect(run({ modelPath: path, precision: 'fp32', mode: 'eager', device: 'cpu', inputs: { shape: [2, 3], seed: 1 } }, job)).rejects.toMatchObject(refused);
});
