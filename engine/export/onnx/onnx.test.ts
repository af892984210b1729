import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostTensor, makeMeta, toRowMajor } from '../../../kernels/layout.ts';
import { numel, type HostTensor } from '../../../kernels/tensor.ts';
import { argMaxRows } from '../../analysis/metrics.ts';
import { TensorData, type Constant, type PackedParams } from '../../ir/constant.ts';
import { Graph, type Value } from '../../ir/graph.ts';
import { ModuleObject } from '../../ir/module.ts';
import { T, type Type } from '../../ir/types.ts';
import { deviceFor } from '../../workflow/devices.ts';
import { hashFill } from '../../workflow/inputs.ts';
import { openModel } from '../../workflow/models.ts';
import { scriptedRunner } from '../../workflow/runner.ts';
import { convertedDigits, digitsBatch } from '../testing.ts';
import { exportOnnx, type OnnxExport } from './index.ts';

/** The peer is a development dependency with a binary of its own; without it these tests are skipped. */
const ort = await import('onnxruntime-node').catch(() => null);
if (!ort) console.warn('onnxruntime-node is not installed: exported ONNX models are not run');
const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
const device = await deviceFor('cpu');

type Written = Promise<{ path: string; dynamicBatch: boolean }>;
async function exported(graph: Graph, module: ModuleObject, inputs: readonly HostTensor[], options: Partial<OnnxExport> = {}): Written {
  const { bytes, dynamicBatch } = await exportOnnx({ graph, module, name: 'model', inputs: inputs.map((t) => t.meta), opset: 17, bias: 'float', device, ...options });
  const path = join(folder, `${readdirSync(folder).length}.onnx`);
  writeFileSync(path, bytes);
  return { path, dynamicBatch };
}

/** Outputs of a model file by onnxruntime, as the flat numbers of each. */
async function runOnnx(path: string, inputs: readonly HostTensor[]): Promise<Float32Array[]> {
  const session = await ort!.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = Object.fromEntries(session.inputNames.map((n, i) => [n, new ort!.Tensor('float32', Float32Array.from(toRowMajor(inputs[i]!)), [...inputs[i]!.meta.shape])]));
  const results = await session.run(feeds);
  return session.outputNames.map((n) => Float32Array.from(results[n]!.data as Float32Array));
}

async function runHere(graph: Graph, module: ModuleObject, inputs: readonly HostTensor[]): Promise<Float32Array[]> {
  const runner = scriptedRunner(graph, device, module);
  const outputs = await runner.run(inputs);
  runner.destroy();
  return outputs.map((o) => Float32Array.from(toRowMajor(o.tensor)));
}

const share = (a: Float32Array, b: Float32Array, within: number): number => a.filter((v, i) => Math.abs(v - b[i]!) <= within).length / a.length;
/** SQNR of b against a in dB. */
function sqnr(a: Float32Array, b: Float32Array): number {
  const power = a.reduce((s, v) => s + v * v, 0);
  return 10 * Math.log10(power / a.reduce((s, v, i) => s + (v - b[i]!) ** 2, 0));
}
/** The distance of neighbouring values of an output that was quantized. */
function stepOf(a: Float32Array): number {
  const values = [...new Set(a)].sort((x, y) => x - y);
  return Math.min(...values.slice(1).map((v, i) => v - values[i]!));
}

/** A 3x3 depthwise convolution of 104 channels whose weights and inputs are large. */
function saturatingDepthwise(): { graph: Graph; module: ModuleObject; input: HostTensor[] } {
  const [channels, size] = [104, 6];
  const data = hostTensor('qint8', [channels, 1, 3, 3], Array.from({ length: channels * 9 }, (_, i) => (i * 37) % 55 + 73), { scheme: 'per_tensor_affine', scale: 0.01, zeroPoint: 0 });
  const bias = hostTensor('float32', [channels], hashFill(5, channels, -1, 1));
  const packed: PackedParams = {
    kind: 'PackedParams', op: 'Conv2d', weight: new TensorData('qint8', [channels, 1, 3, 3], () => data), bias: new TensorData('float32', [channels], () => bias),
    stride: [1, 1], padding: [1, 1], outputPadding: [0, 0], dilation: [1, 1], groups: channels,
  };
  const graph = new Graph('forward');
  graph.block.addInput(T.cls('M'), 'self');
  const x = graph.block.addInput(T.tensor, 'x');
  const emit = (kind: string, args: readonly (Value | readonly [Constant, Type])[]): Value => graph.block.append(graph.create(kind, args.map((a) => (
    Array.isArray(a) ? graph.block.append(graph.constant(a[0] as Constant, a[1] as Type)).output : a as Value)))).output;
  const q = emit('aten::quantize_per_tensor', [x, [0.05, T.float], [10, T.int], [13, T.int]]);
  const y = emit('quantized::conv2d', [q, [packed, T.tensor], [0.5, T.float], [3, T.int]]);
  graph.block.addOutput(emit('aten::dequantize', [y]));
  const module = new ModuleObject({ name: 'M', attributeTypes: new Map(), parameters: [], buffers: [], constants: new Map(), methodNames: () => [], method: () => graph }, new Map());
  return { graph, module, input: [hostTensor('float32', [2, channels, size, size], hashFill(6, 2 * channels * size * size, 4, 12))] };
}

describe.skipIf(!ort)('int8 models of the digits in onnxruntime', () => {
  const cases = ['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit'].flatMap((m) => (['per-tensor', 'per-channel'] as const).map((w) => [m, w] as const));
  it.each(cases)('%s, %s weights', async (name, weight) => {
    const input = [await digitsBatch('test', 0, 64)];
    const { graph, module } = await convertedDigits(name, { weight });
    const [ours] = await runHere(graph, module, input) as [Float32Array];
    const model = await openModel(join(import.meta.dirname, '../../../samples/digits', `${name}.traced.pt`));
    const [float] = await runHere(model.stages().frozen, model.module, input) as [Float32Array];
    const quantizationError = sqnr(float, ours);
    for (const bias of ['float', 'int32'] as const) {
      const { path, dynamicBatch } = await exported(graph, module, input, { bias });
      const [theirs] = await runOnnx(path, input) as [Float32Array];
      expect(dynamicBatch).toBe(true);
      expect(argMaxRows(theirs, 64)).toEqual(argMaxRows(ours, 64));
      expect(sqnr(float, theirs), bias).toBeGreaterThan(quantizationError - 1);
      // Exact but for float functions (layer norm, softmax, gelu) against the rounding of biases to a step of the sums, which deep models make more of.
      expect(share(ours, theirs, name === 'digit_vit' ? stepOf(ours) * 1.01 : 0), bias).toBeGreaterThan(bias === 'float' ? (name === 'digit_vit' ? 0.98 : 0.999) : name === 'digit_vit' ? 0.85 : 0.2);
      expect(sqnr(ours, theirs), bias).toBeGreaterThan(quantizationError + (bias === 'float' ? 20 : 2));
    }
  }, 60_000);

  it.each(['float', 'int32'] as const)('qint8 activations, %s: biases are integers, as XNNPACK has them', async (bias) => {
    const input = [await digitsBatch('test', 0, 64)];
    const { graph, module } = await convertedDigits('digit_resnet', { dtype: 'qint8', qscheme: 'symmetric' });
    const [[ours], [theirs]] = [await runHere(graph, module, input), await runOnnx((await exported(graph, module, input, { bias })).path, input)];
    expect(share(ours!, theirs!, 0)).toBeGreaterThan(bias === 'float' ? 0.9999 : 0.97);
  });

  it('depthwise convolutions that saturate', async () => {
    const { graph, module, input } = saturatingDepthwise();
    const [[ours], [theirs]] = [await runHere(graph, module, input), await runOnnx((await exported(graph, module, input)).path, input)];
    expect(theirs).toEqual(ours);
    const [[plain]] = [await runOnnx((await exported(graph, module, input, { bias: 'int32' })).path, input)];
    expect(share(ours!, plain!, 0.5)).toBeLessThan(0.9);
  });

  it.each([13, 14, 17, 18, 20, 21])('opset %i gives the same numbers', async (opset) => {
    const input = [await digitsBatch('test', 0, 4)];
    for (const name of ['digit_mobilenet', 'digit_vit']) {
      const model = await openModel(join(import.meta.dirname, '../../../samples/digits', `${name}.scripted.pt`));
      const { frozen } = model.stages();
      const { path } = await exported(frozen, model.module, input, { opset });
      const [[ours], [theirs]] = [await runHere(frozen, model.module, input), await runOnnx(path, input)];
      expect(share(ours!, theirs!, 1e-4)).toBe(1);
    }
  }, 60_000);

  it('one file takes batches of any size', async () => {
    const { graph, module } = await convertedDigits('digit_vit');
    const { path } = await exported(graph, module, [await digitsBatch('test', 0, 2)]);
    for (const count of [1, 7]) {
      const input = [await digitsBatch('test', 0, count)];
      const [[ours], [theirs]] = [await runHere(graph, module, input), await runOnnx(path, input)];
      expect(theirs!.length).toBe(10 * count);
      expect(share(ours!, theirs!, stepOf(ours!) * 1.01)).toBeGreaterThan(0.9);
    }
  });
});

describe('what cannot be written', () => {
  it('is named with its modules', async () => {
    const { graph, module } = await convertedDigits('digit_plain');
    for (const [kind, scope] of [['aten::sort', 'a'], ['aten::sort', 'b'], ['aten::median', 'c']] as const) {
      const op = graph.create(kind, [graph.inputs[1]!]);
      op.scope = scope;
      if (kind === 'aten::sort') {
        const [dim, descending] = [graph.constant(-1, { kind: 'int' }), graph.constant(false, { kind: 'bool' })];
        for (const c of [dim, descending]) { graph.block.prepend(c); op.addInput(c.output); }
        op.addOutput();
      }
      graph.block.append(op);
      graph.block.addOutput(op.outputs[0]!);
    }
    const input = [makeMeta('float32', [1, 1, 28, 28])];
    await expect(exportOnnx({ graph, module, name: 'm', inputs: input, opset: 17, bias: 'float', device })).rejects.toMatchObject({
      code: 'EXPORT_UNSUPPORTED_OP', details: { ops: [{ op: 'aten::sort', modules: ['a', 'b'] }, { op: 'aten::median', modules: ['c'] }] },
    });
  });

  it('opsets outside of 13 to 21 are refused', async () => {
    const { graph, module } = await convertedDigits('digit_plain');
    await expect(exportOnnx({ graph, module, name: 'm', inputs: [makeMeta('float32', [1, 1, 28, 28])], opset: 12, bias: 'float', device })).rejects.toMatchObject({ code: 'EXPORT_OPSET' });
  });
});

const patterns = join(import.meta.dirname, '../../../../shared/fixtures/patterns');
describe.skipIf(!ort || !existsSync(patterns))('the patterns of the fixtures in float', () => {
  const shapes = existsSync(patterns) ? JSON.parse(readFileSync(join(patterns, 'index.json'), 'utf8')) as Record<string, { inputs?: number[][] }> : {};
  it.each(Object.keys(shapes))('%s', async (name) => {
    const model = await openModel(join(patterns, `${name}.traced.pt`));
    const input = shapes[name]!.inputs!.map((s, i) => hostTensor('float32', s, hashFill(1 + i, numel(s), -1.5, 2)));
    const { frozen } = model.stages();
    const { path } = await exported(frozen, model.module, input);
    const [ours, theirs] = [await runHere(frozen, model.module, input), await runOnnx(path, input)];
    expect(theirs.length).toBe(ours.length);
    ours.forEach((o, i) => { expect(share(o, theirs[i]!, 1e-4 * Math.max(1, ...o.map(Math.abs)))).toBe(1); });
  });
});
