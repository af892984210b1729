import { describe, expect, it } from 'vitest';
import { TensorData } from '../ir/constant.ts';
import { T } from '../ir/types.ts';
import { hashFill } from '../workflow/inputs.ts';
import { floatTensor, fuseConvBnWeights } from './convBnWeights.ts';
import { foldConvBn } from './foldConvBn.ts';
import { constantOf } from './nodes.ts';
import { passContext } from './pass.ts';
import { GraphBuilder, kindsOf, moduleOf } from './testing.ts';

const random = (seed: number, shape: readonly number[], lo = -1, hi = 1): TensorData =>
  floatTensor(hashFill(seed, shape.reduce((a, b) => a * b, 1), lo, hi), shape);
const data = (t: TensorData): Float32Array => t.host().data as Float32Array;

describe('fuseConvBnWeights', () => {
  it('scales each output channel and moves its bias', () => {
    const [w, b] = [random(1, [4, 3, 1, 1]), random(2, [4])];
    const bn = { weight: random(3, [4]), bias: random(4, [4]), mean: random(5, [4]), variance: random(6, [4], 0.5, 2), eps: 1e-5 };
    const fused = fuseConvBnWeights(w, b, bn, false, 1);
    for (let c = 0; c < 4; c++) {
      const factor = data(bn.weight)[c]! / Math.sqrt(data(bn.variance)[c]! + 1e-5);
      for (let i = 0; i < 3; i++) expect(data(fused.weight)[c * 3 + i]).toBeCloseTo(data(w)[c * 3 + i]! * factor, 5);
      expect(data(fused.bias)[c]).toBeCloseTo((data(b)[c]! - data(bn.mean)[c]!) * factor + data(bn.bias)[c]!, 5);
    }
  });

  it('finds the output channel of transposed and grouped weights', () => {
    // [in 4, out/groups 2] in 2 groups: inputs 0 and 1 make channels 0 and 1, inputs 2 and 3 channels 2 and 3.
    const ones = floatTensor(new Float32Array(8).fill(1), [4, 2, 1, 1]);
    const scales = floatTensor(Float32Array.of(1, 2, 3, 4), [4]);
    const zero = floatTensor(new Float32Array(4), [4]);
    const bn = { weight: scales, bias: zero, mean: zero, variance: floatTensor(new Float32Array(4).fill(1), [4]), eps: 0 };
    const fused = fuseConvBnWeights(ones, null, bn, true, 2);
    expect([...data(fused.weight)]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  });
});

describe('foldConvBn', () => {
  const build = (options: { usedTwice?: boolean; training?: boolean; groups?: number }) => {
    const b = new GraphBuilder();
    const pair = b.ints([1, 1]);
    const tensor = (t: TensorData) => b.constant(t, T.tensor);
    const w = tensor(random(1, [4, 4 / (options.groups ?? 1), 1, 1]));
    w.name = 'self.conv.weight';
    const y = b.op('aten::conv2d', [b.input(), w, b.constant(null, T.none), pair, pair, pair, b.int(options.groups ?? 1)]);
    y.node!.scope = 'conv';
    const channel = (seed: number) => tensor(random(seed, [4], 0.5, 1));
    const bn = b.op('aten::batch_norm', [y, channel(2), channel(3), channel(4), channel(5), b.bool(options.training ?? false),
      b.constant(0.1, T.float), b.constant(1e-5, T.float), b.bool(true)]);
    bn.node!.scope = 'bn';
    const graph = b.returns(bn, ...(options.usedTwice ? [y] : []));
    const ctx = passContext(moduleOf({}));
    const changed = foldConvBn.run(graph, ctx);
    return { graph, ctx, changed };
  };

  it('makes one convolution with named weights, and records it', () => {
    for (const groups of [1, 2, 4]) {
      const { graph, ctx } = build({ groups });
      expect(kindsOf(graph)).toEqual(['aten::conv2d']);
      const conv = graph.outputs[0]!.node!;
      expect([conv.input(1).name, conv.input(2).name]).toEqual(['self.conv.weight_fused_bn', 'self.conv.bias_fused_bn']);
      expect(constantOf(conv.input(2))?.value).toBeInstanceOf(TensorData);
      expect(ctx.fusions).toEqual([{ pattern: 'conv2d + batch_norm', result: 'aten::conv2d', modules: ['conv', 'bn'], opsBefore: ['aten::conv2d', 'aten::batch_norm'] }]);
    }
  });

  it('says why it does not', () => {
    expect(build({ usedTwice: true }).ctx.nearMisses[0]?.reason).toMatch(/used elsewhere/);
    expect(build({ training: true }).ctx.nearMisses[0]?.reason).toMatch(/training/);
    expect(build({ usedTwice: true }).changed).toBe(false);
  });
});
