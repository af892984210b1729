import { create, toBinary } from '@bufbuild/protobuf';
import { readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelProtoSchema, type GraphProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { repoPath } from '../../runtime/testing/models.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { openOnnx } from './index.ts';
import { Draw } from './ops.cases.ts';
import { difference, f32, i64, modelBytes, runOnnx, scalar, withFile, type TestModel } from './testing.ts';

/** Opens, freezes and reads all weights; gives the code of the error, or 'opened'. Anything but a QuantbenchError is thrown on. */
async function outcome(bytes: Uint8Array, others: Record<string, Uint8Array> = {}): Promise<string> {
  return withFile(bytes, async (path) => {
    try {
      const model = await openOnnx(path);
      try {
        freezeModule(model.module);
      } finally {
        model.close();
      }
      return 'opened';
    } catch (e) {
      if (e instanceof QuantbenchError) return e.code;
      throw e;
    }
  }, others);
}

const relu = (over: Partial<TestModel> = {}): TestModel => ({
  opset: 17, nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }], inputs: { x: { dtype: 'float32', shape: ['n', 4] } }, outputs: { y: { dtype: 'float32', rank: 2 } },
  constants: { w: f32([4], [1, 2, 3, 4]) }, ...over,
});
const varint = (v: bigint): number[] => (v < 128n ? [Number(v)] : [Number(v & 127n) | 128, ...varint(v >> 7n)]);
const withGraph = (graph: Partial<GraphProto>): Uint8Array => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph: create(ModelProtoSchema, { graph: { name: 'g', ...graph } as never }).graph!,
}));

describe('damaged and hostile files get a code at once', () => {
  const tensor = (extra: object): Uint8Array => withGraph({ initializer: [{ name: 'w', dataType: 1, ...extra }] as never, output: [{ name: 'w' }] as never });
  const nested = (): Uint8Array => {
    // A graph in a node in a graph..., 100 deep, written by hand: [7]graph { [1]node { [5]attribute { [6]graph ...
    let inner: number[] = [];
    for (let i = 0; i < 100; i++) for (const field of [6, 5, 1]) inner = [field * 8 + 2, ...varint(BigInt(inner.length)), ...inner];
    return Uint8Array.from([0x3a, ...varint(BigInt(inner.length)), ...inner]);
  };
  const cases: Record<string, readonly [bytes: () => Uint8Array, code: string | RegExp]> = {
    'no bytes': [() => new Uint8Array(0), /ONNX_/],
    'text': [() => new TextEncoder().encode('this is not a model at all'), /ONNX_DAMAGED/],
    'a length beyond the end': [() => Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]), 'ONNX_DAMAGED'],
    'a number without an end': [() => Uint8Array.from([0x08, ...new Array<number>(20).fill(0xff)]), 'ONNX_DAMAGED'],
    'a wire type that there is not': [() => Uint8Array.from([0x3f, 1]), 'ONNX_DAMAGED'],
    'graphs 100 deep': [nested, 'ONNX_TOO_DEEP'],
    'sizes whose product overflows': [() => tensor({ dims: [1n << 40n, 1n << 40n], rawData: new Uint8Array(4) }), 'ONNX_DAMAGED'],
    'a negative size': [() => tensor({ dims: [-4n], rawData: new Uint8Array(16) }), 'ONNX_DAMAGED'],
    'less data than its sizes say': [() => tensor({ dims: [1000n], rawData: new Uint8Array(16) }), 'ONNX_DAMAGED'],
    'no data': [() => tensor({ dims: [1000n] }), 'ONNX_DAMAGED'],
    'an element type that is not known': [() => tensor({ dims: [1n], dataType: 8 }), 'ONNX_UNSUPPORTED_DTYPE'],
    'an old opset': [() => modelBytes(relu({ opset: 6 })), 'ONNX_OPSET'],
    'a name that nothing makes': [() => modelBytes(relu({ nodes: [{ op: 'Relu', inputs: ['nothing'], outputs: ['y'] }] })), 'ONNX_INVALID'],
    'a node that reads itself': [() => modelBytes(relu({ nodes: [{ op: 'Relu', inputs: ['y'], outputs: ['y'] }] })), 'ONNX_INVALID'],
    'a kernel of zero': [() => modelBytes(relu({ inputs: { x: { dtype: 'float32', shape: [1, 1, 4, 4] } }, nodes: [{ op: 'MaxPool', inputs: ['x'], outputs: ['y'], attributes: { kernel_shape: [0, 0] } }] })), 'ONNX_INVALID'],
    'an axis that is not there': [() => modelBytes(relu({ nodes: [{ op: 'Concat', inputs: ['x', 'x'], outputs: ['y'], attributes: { axis: 7 } }] })), 'ONNX_INVALID'],
    'half a million empty nodes': [() => Uint8Array.from([0x3a, ...varint(2_400_000n), ...new Array(1_200_000).fill([0x0a, 0]).flat()]), 'ONNX_TOO_LARGE'],
  };
  for (const [name, [bytes, code]] of Object.entries(cases)) {
    it(name, async () => {
      const input = bytes();
      const start = performance.now();
      const got = await outcome(input);
      if (typeof code === 'string') expect(got).toBe(code);
      else expect(got).toMatch(code);
      expect(performance.now() - start).toBeLessThan(2000);
    });
  }

  it('external data stays in the model\'s folder', async () => {
    const external = (location: string, more: { key: string; value: string }[] = []): Uint8Array =>
      tensor({ dims: [4n], dataLocation: 1, externalData: [{ key: 'location', value: location }, ...more] });
    for (const location of ['/etc/passwd', '../../../etc/passwd', 'a/../../secret', 'C:\\secret', '\\\\host\\share', '', 'a\0b']) {
      expect(await outcome(external(location)), location).toBe('ONNX_EXTERNAL_PATH');
    }
    expect(await outcome(external('missing.bin'))).toBe('ONNX_EXTERNAL_MISSING');
    expect(await outcome(external('short.bin'), { 'short.bin': new Uint8Array(8) })).toBe('ONNX_DAMAGED');
    expect(await outcome(external('w.bin', [{ key: 'offset', value: '99999999999' }]), { 'w.bin': new Uint8Array(16) })).toBe('ONNX_DAMAGED');
    expect(await outcome(external('w.bin', [{ key: 'length', value: '-1' }]), { 'w.bin': new Uint8Array(16) })).toBe('ONNX_DAMAGED');
    await withFile(external('link.bin'), async (path) => {
      symlinkSync('/etc/hostname', join(dirname(path), 'link.bin'));
      await expect(openOnnx(path)).rejects.toMatchObject({ code: 'ONNX_EXTERNAL_MISSING' });
    });
  });

  it('external data is read by its offset', async () => {
    const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, {
      irVersion: 8n, opsetImport: [{ domain: '', version: 17n }],
      graph: {
        name: 'g', node: [{ opType: 'Add', input: ['x', 'w'], output: ['y'] }],
        input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim: [{ value: { case: 'dimValue', value: 2n } }] } } } } }],
        output: [{ name: 'y' }],
        initializer: [{ name: 'w', dataType: 1, dims: [2n], dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }, { key: 'offset', value: '8' }, { key: 'length', value: '8' }] }],
      },
    }));
    await withFile(bytes, async (path) => {
      const [y] = await runOnnx(path, [f32([2], [1, 2])], 'eager');
      expect(difference(y, { shape: [2], data: [11, 22] })).toBe(0);
    }, { 'w.bin': new Uint8Array(Float32Array.from([1, 2, 10, 20]).buffer) });
  });

  it('unsupported operators are reported together, what follows from them is not', async () => {
    const model = relu({ nodes: [
      { op: 'NoSuchOp', inputs: ['x'], outputs: ['a'], name: '/body/head/NoSuchOp' }, { op: 'Softmax', inputs: ['a'], outputs: ['b'] },
      { op: 'Concat', inputs: ['a', 'b'], outputs: ['c'], attributes: { axis: -1 } }, { op: 'TfIdfVectorizer', inputs: ['c'], outputs: ['y'], name: '/tail/TfIdfVectorizer' },
    ] });
    await withFile(modelBytes(model), async (path) => {
      const opened = await openOnnx(path);
      const nodes = [...freezeModule(opened.module).frozen.walk()].filter((n) => n.kind.startsWith('onnx::')).map((n) => `${n.kind} in ${n.scope}`);
      expect(nodes).toEqual(['onnx::NoSuchOp in body.head', 'onnx::TfIdfVectorizer in tail']);
      opened.close();
    });
  });
});

describe('fuzzing', () => {
  /** A small model with weights and shape arithmetic. */
  const seed = modelBytes({
    opset: 17, inputs: { x: { dtype: 'float32', shape: ['n', 2, 4, 4] } }, outputs: { y: { dtype: 'float32', rank: null } },
    constants: { w: f32([2, 2, 1, 1], [1, 2, 3, 4]), two: i64([2]), one: scalar('int64', 1), axes: i64([0]) },
    nodes: [
      { op: 'Conv', name: '/body/conv/Conv', inputs: ['x', 'w'], outputs: ['c'], attributes: { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] } },
      { op: 'Shape', inputs: ['c'], outputs: ['s'] }, { op: 'Gather', inputs: ['s', 'one'], outputs: ['g'], attributes: { axis: 0 } },
      { op: 'Unsqueeze', inputs: ['g', 'axes'], outputs: ['u'] }, { op: 'Concat', inputs: ['two', 'u'], outputs: ['target'], attributes: { axis: 0 } },
      { op: 'Reshape', inputs: ['c', 'target'], outputs: ['y'] },
    ],
  });
  const real = readFileSync(repoPath('tests/fixtures/onnx/digit_mobilenet.onnx'));

  it('changed bytes, cut and spliced files: a typed error or a model', { timeout: 120_000 }, async () => {
    const d = new Draw(77);
    const codes = new Set<string>();
    let slowest = 0;
    for (let i = 0; i < 400; i++) {
      const base = i % 4 === 0 ? new Uint8Array(real) : new Uint8Array(seed);
      // Structure lies at the front of real files, weights behind it.
      const within = Math.min(base.length, 60_000);
      let bytes = base;
      switch (i % 5) {
        case 0: bytes = base.subarray(0, d.int(0, base.length)); break;
        case 1: {
          const [from, to] = [d.int(0, within - 1), d.int(0, within - 1)];
          bytes = Uint8Array.from([...base.subarray(0, from), ...base.subarray(to, to + 2000)]);
          break;
        }
        default: for (let k = d.int(1, 8); k > 0; k--) bytes[d.int(0, within - 1)] = d.int(0, 255);
      }
      const start = performance.now();
      codes.add(await outcome(bytes));
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(slowest).toBeLessThan(2000);
    expect(codes).toContain('ONNX_DAMAGED');
    for (const code of codes) expect(code).toMatch(/^(opened|ONNX_[A-Z_]+|OPERATOR_UNSUPPORTED|INLINE_[A-Z]+|NPY_RANGE|KERNEL_[A-Z_]+)$/);
  });
});
