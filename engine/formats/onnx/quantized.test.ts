import { describe, expect, it } from 'vitest';
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
