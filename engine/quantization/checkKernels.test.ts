import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../kernels/layout.ts';
import { TensorData, type PackedParams } from '../ir/constant.ts';
import type { Graph } from '../ir/graph.ts';
import { T } from '../ir/types.ts';
import { GraphBuilder, moduleOf } from '../passes/testing.ts';
import { checkKernels } from './checkKernels.ts';

function graphOf(...ops: readonly (readonly [kind: string, scope: string])[]): Graph {
  const b = new GraphBuilder();
  let x = b.input();
  for (const [kind, scope] of ops) {
    const packed = b.op('prim::GetAttr', [b.self]);
    packed.node!.attributes.set('name', 'packed');
    x = b.op(kind, [x, packed, b.constant(0.1, T.float), b.int(0)]);
    x.node!.scope = scope;
  }
  return b.returns(x);
}

const transposed = (groups: number, shape: number[], perChannel: boolean): PackedParams => {
  const weight = hostTensor('qint8', shape, new Array<number>(shape.reduce((a, d) => a * d, 1)).fill(1));
  const q = perChannel ? { scheme: 'per_channel_affine' as const, scales: [1], zeroPoints: [0], axis: 1 } : { scheme: 'per_tensor_affine' as const, scale: 1, zeroPoint: 0 };
  return {
    kind: 'PackedParams', op: 'ConvTranspose2d', weight: TensorData.of({ ...weight, meta: { ...weight.meta, q } }), bias: null, stride: [1, 1], padding: [0, 0],
    outputPadding: [0, 0], dilation: [1, 1], groups,
  };
};

describe('checkKernels', () => {
  it('names every module whose int8 op has no kernel, and what to do', () => {
    const graph = graphOf(['quantized::conv2d', 'stem'], ['quantized::conv_transpose3d', 'video.a'], ['quantized::conv_transpose3d_relu', 'video.b']);
    expect(() => { checkKernels(graph, moduleOf({})); }).toThrow(expect.objectContaining({
      code: 'QCONFIG_NO_KERNEL', hint: 'Leave what cannot be int8 in float: --keep-float video.a --keep-float video.b.',
      message: "This QConfig cannot be honoured at 'video.a' (there is no int8 kernel quantized::conv_transpose3d), 'video.b' (there is no int8 kernel quantized::conv_transpose3d_relu).",
    }));
  });

  it('refuses transposed convolutions in groups with weights per channel', () => {
    const graph = graphOf(['quantized::conv_transpose2d', 'up']);
    const check = (p: PackedParams) => () => { checkKernels(graph, moduleOf({ packed: p })); };
    expect(check(transposed(2, [4, 1, 3, 3], true))).toThrow(/'up' \(a transposed int8 convolution in 2 groups with weights per channel\)/);
    expect(check(transposed(2, [4, 1, 3, 3], false))).not.toThrow();
    expect(check(transposed(2, [4, 2, 3, 3], false))).not.toThrow();
    expect(check(transposed(1, [4, 2, 3, 3], true))).not.toThrow();
  });
});
