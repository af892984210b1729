import { describe, expect, it } from 'vitest';
import { freezeModule } from '../../passes/pipeline.ts';
import { openOnnx } from './index.ts';
import { Draw } from './ops.cases.ts';
import { difference, f32, modelBytes, peerRun, runOnnx, scalar, withFile, type TestModel, type TestTensor } from './testing.ts';

const draw = new Draw(5);
const image: TestTensor = draw.floats([2, 3, 8, 8], -1, 3);
const weight = draw.ints([4, 3, 3, 3], -127, 127, 'int8');
const scales = f32([4], [0.01, 0.02, 0.005, 0.013]);
const bias: TestTensor = draw.ints([4], -500, 500, 'int32');
const zeros: TestTensor = { dtype: 'int8', shape: [4], data: [0, 0, 0, 0] };

/** float -> quint8 -> conv -> relu -> pool -> linear, written as quantize and dequantize around float ops. */
const qdq: TestModel = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: ['n', 3, 8, 8] } },
  outputs: { y: { dtype: 'float32', rank: 2 } },
  constants: {
    xs: scalar('float32', 0.02), xz: scalar('uint8', 50), w: weight, ws: scales, wz: zeros, b: bias, bs: f32([4], scales.data.map((s) => Math.fround(s * 0.02))), bz: { dtype: 'int32', shape: [4], data: [0, 0, 0, 0] },
    hs: scalar('float32', 0.05), hz: scalar('uint8', 0), fw: draw.ints([10, 64], -127, 127, 'int8'), fs: scalar('float32', 0.004), fz: scalar('int8', 0), ys: scalar('float32', 0.1), yz: scalar('uint8', 128),
  },
  nodes: [
    { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['xq'] },
    { op: 'DequantizeLinear', inputs: ['xq', 'xs', 'xz'], outputs: ['xd'] },
    { op: 'DequantizeLinear', inputs: ['w', 'ws', 'wz'], outputs: ['wd'], attributes: { axis: 0 } },
    { op: 'DequantizeLinear', inputs: ['b', 'bs', 'bz'], outputs: ['bd'], attributes: { axis: 0 } },
    { op: 'Conv', inputs: ['xd', 'wd', 'bd'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'QuantizeLinear', inputs: ['r', 'hs', 'hz'], outputs: ['hq'] },
    { op: 'MaxPool', inputs: ['hq'], outputs: ['pq'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: 'Flatten', inputs: ['pq'], outputs: ['fq'] },
    { op: 'DequantizeLinear', inputs: ['fq', 'hs', 'hz'], outputs: ['fd'] },
    { op: 'DequantizeLinear', inputs: ['fw', 'fs', 'fz'], outputs: ['fwd'] },
    { op: 'Gemm', inputs: ['fd', 'fwd'], outputs: ['g'], attributes: { transB: 1 } },
    { op: 'QuantizeLinear', inputs: ['g', 'ys', 'yz'], outputs: ['yq'] },
    { op: 'DequantizeLinear', inputs: ['yq', 'ys', 'yz'], outputs: ['y'] },
  ],
};

/** The same beginnings in the form that keeps integers: QLinearConv. */
const qlinear = (unsignedWeight: boolean): TestModel => ({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: ['n', 3, 8, 8] } },
  outputs: { y: { dtype: 'float32', rank: 4 }, z: { dtype: 'float32', rank: 2 } },
  constants: {
    xs: scalar('float32', 0.02), xz: scalar('uint8', 50), hs: scalar('float32', 0.1), hz: scalar('uint8', 100), b: bias,
    w: unsignedWeight ? { dtype: 'uint8', shape: weight.shape, data: weight.data.map((v) => v + 128) } : weight,
    ws: unsignedWeight ? scalar('float32', 0.01) : scales, wz: unsignedWeight ? scalar('uint8', 128) : zeros,
    m: draw.ints([64, 5], 0, 255, 'uint8'), ms: scalar('float32', 0.01), mz: scalar('uint8', 120), zs: scalar('float32', 0.3), zz: scalar('uint8', 128),
  },
  nodes: [
    { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['xq'] },
    { op: 'QLinearConv', inputs: ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'hs', 'hz', 'b'], outputs: ['hq'], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
    { op: 'DequantizeLinear', inputs: ['hq', 'hs', 'hz'], outputs: ['y'] },
    { op: 'Flatten', inputs: ['hq'], outputs: ['fq'] },
    { op: 'QLinearMatMul', inputs: ['fq', 'hs', 'hz', 'm', 'ms', 'mz', 'zs', 'zz'], outputs: ['zq'] },
    { op: 'DequantizeLinear', inputs: ['zq', 'zs', 'zz'], outputs: ['z'] },
  ],
});

describe('models that are quantized already agree with ONNX Runtime within one step', () => {
  for (const [name, model, steps] of [['QDQ', qdq, [0.1]], ['QLinearConv, int8 weights per channel', qlinear(false), [0.1, 0.3]], ['QLinearConv, uint8 weights', qlinear(true), [0.1, 0.3]]] as const) {
    it(name, { timeout: 60_000 }, async () => {
      const bytes = modelBytes(model);
      const want = await peerRun(bytes, { x: image });
      await withFile(bytes, async (path) => {
        for (const mode of ['eager', 'scripted'] as const) {
          const got = await runOnnx(path, [image], mode);
          // Ours and the peer's are whole steps; difference() is relative to values above 1, and so at most the absolute one.
          want.forEach((w, i) => { expect(difference(got[i], w), `${mode}, output ${i}`).toBeLessThanOrEqual(steps[i]! * 1.001); });
        }
      });
    });
  }
});

/** Ops that compute, of the frozen graph. */
async function opsOf(model: TestModel): Promise<string[]> {
  return withFile(modelBytes(model), async (path) => {
    const opened = await openOnnx(path);
    const kinds = [...freezeModule(opened.module).frozen.walk()].map((n) => n.kind).filter((k) => /^(aten|quantized)::/.test(k));
    opened.close();
    return kinds;
  });
}

describe('dequantize, op, quantize become one quantized:: op', () => {
  it('convolutions and linear layers, relu and pools between them', async () => {
    expect(await opsOf(qdq)).toEqual(['aten::quantize_per_tensor', 'quantized::conv2d_relu', 'aten::max_pool2d', 'aten::flatten', 'quantized::linear', 'aten::dequantize']);
    expect((await opsOf(qlinear(false))).filter((k) => k.startsWith('quantized::'))).toEqual(['quantized::conv2d', 'quantized::linear']);
    expect((await opsOf(qlinear(true))).filter((k) => k.startsWith('quantized::'))).toEqual(['quantized::conv2d', 'quantized::linear']);
  });

  it('not where the float result is used elsewhere, nor where PyTorch would saturate', async () => {
    const used: TestModel = { ...qdq, outputs: { ...qdq.outputs, c: { dtype: 'float32', rank: 4 } } };
    expect(await opsOf(used)).toContain('aten::conv2d');
    const channels = 104;
    const depthwise: TestModel = {
      ...qdq, inputs: { x: { dtype: 'float32', shape: ['n', channels, 8, 8] } }, outputs: { r: { dtype: 'float32', rank: 4 } },
      constants: { ...qdq.constants, w: draw.ints([channels, 1, 3, 3], -127, 127, 'int8'), ws: scalar('float32', 0.01), wz: scalar('int8', 0) },
      nodes: [
        ...qdq.nodes.slice(0, 3),
        { op: 'Conv', inputs: ['xd', 'wd'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1], group: channels } },
        { op: 'QuantizeLinear', inputs: ['c', 'hs', 'hz'], outputs: ['hq'] }, { op: 'DequantizeLinear', inputs: ['hq', 'hs', 'hz'], outputs: ['r'] },
      ],
    };
    expect(await opsOf(depthwise)).toContain('aten::conv2d');
  });

  it('sums, products, joins and functions', async () => {
    const [s, z] = ['hs', 'xz'];
    const q = (from: string, to: string) => ({ op: 'QuantizeLinear', inputs: [from, s, z], outputs: [to] });
    const d = (from: string, to: string) => ({ op: 'DequantizeLinear', inputs: [from, s, z], outputs: [to] });
    const model: TestModel = {
      ...qdq, opset: 14, outputs: { y: { dtype: 'float32', rank: 4 } },
      nodes: [
        q('x', 'xq'), d('xq', 'a'), { op: 'Add', inputs: ['a', 'a'], outputs: ['s0'] }, q('s0', 'sq'), d('sq', 's1'), { op: 'Mul', inputs: ['a', 's1'], outputs: ['m0'] }, q('m0', 'mq'), d('mq', 'm1'),
        { op: 'Concat', inputs: ['m1', 's1'], outputs: ['c0'], attributes: { axis: 1 } }, q('c0', 'cq'), d('cq', 'c1'), { op: 'HardSwish', inputs: ['c1'], outputs: ['h0'] }, q('h0', 'hq'), d('hq', 'h1'),
        { op: 'Sigmoid', inputs: ['h1'], outputs: ['g0'] }, q('g0', 'gq'), d('gq', 'y'),
      ],
    };
    expect((await opsOf(model)).filter((k) => k.startsWith('quantized::'))).toEqual(['quantized::add', 'quantized::mul', 'quantized::cat', 'quantized::hardswish', 'quantized::sigmoid']);
    const bytes = modelBytes(model);
    const [want] = await peerRun(bytes, { x: image });
    await withFile(bytes, async (path) => { expect(difference((await runOnnx(path, [image], 'scripted'))[0], want!)).toBeLessThanOrEqual(0.0501); });
  });

  it('the contributed operators of the QOperator format', async () => {
    const node = (op: string, inputs: string[], output: string, attributes: Record<string, number> = {}) => ({ op, domain: 'com.microsoft', inputs, outputs: [output], attributes });
    const model: TestModel = {
      ...qdq, outputs: { y: { dtype: 'float32', rank: 2 } },
      nodes: [
        { op: 'QuantizeLinear', inputs: ['x', 'hs', 'xz'], outputs: ['ta'] }, node('QLinearAdd', ['ta', 'hs', 'xz', 'ta', 'hs', 'xz', 'xs', 'xz'], 'tb'),
        node('QLinearMul', ['tb', 'xs', 'xz', 'ta', 'hs', 'xz', 'hs', 'xz'], 'tc'), node('QLinearSigmoid', ['tc', 'hs', 'xz', 'xs', 'hz'], 'td'),
        node('QLinearConcat', ['hs', 'xz', 'tc', 'hs', 'xz', 'td', 'xs', 'hz'], 'te', { axis: 1 }), node('QLinearGlobalAveragePool', ['te', 'hs', 'xz', 'xs', 'xz'], 'tf'),
        { op: 'Flatten', inputs: ['tf'], outputs: ['tg'] }, node('QGemm', ['tg', 'xs', 'xz', 'gw', 'fs', 'fz', '', 'ys', 'yz'], 'th', { transB: 1 }),
        { op: 'DequantizeLinear', inputs: ['th', 'ys', 'yz'], outputs: ['y'] },
      ],
      constants: { ...qdq.constants, gw: draw.ints([5, 6], -127, 127, 'int8') },
    };
    const bytes = modelBytes(model);
    const [want] = await peerRun(bytes, { x: image });
    await withFile(bytes, async (path) => { expect(difference((await runOnnx(path, [image], 'scripted'))[0], want!)).toBeLessThanOrEqual(0.1001); });
    expect((await opsOf(model)).filter((k) => k.startsWith('quantized::'))).toEqual(['quantized::add', 'quantized::mul', 'quantized::sigmoid', 'quantized::cat', 'quantized::linear']);
  });
});
