import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../../kernels/layout.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import type { Graph } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { GraphBuilder, kindsOf, moduleOf } from '../../passes/testing.ts';
import { floatTensorOf, runGraph } from '../testing/fixtures.ts';
import { hashFill } from '../../workflow/inputs.ts';
import { useFastAttention } from './fastAttention.ts';

const [LENGTH, BATCH, CHANNELS] = [3, 2, 8];
const fill = (seed: number, ...shape: number[]): TensorData => TensorData.of(hostTensor('float32', shape, hashFill(seed, shape.reduce((a, b) => a * b, 1), -0.5, 0.5)));

/** nn.MultiheadAttention as a trace with gradients holds it, sizes written as numbers. */
function attention(heads: number, className = '__torch__.torch.nn.modules.activation.___torch_mangle_3.MultiheadAttention'): { module: ModuleObject; graph: Graph } {
  const b = new GraphBuilder(className);
  const x = b.input();
  const get = (of: typeof x, name: string, type = T.tensor) => {
    const n = b.node('prim::GetAttr', [of], [type]);
    n.attributes.set('name', name);
    return n.output;
  };
  const out = moduleOf({ weight: fill(3, CHANNELS, CHANNELS), bias: fill(4, CHANNELS) }, {}, '__torch__.torch.nn.modules.linear.NonDynamicallyQuantizableLinear');
  const projection = get(b.self, 'out_proj', T.cls(out.type.name));
  const query = b.op('aten::transpose', [x, b.int(1), b.int(0)]);
  const packed = b.op('aten::linear', [query, get(b.self, 'in_proj_weight'), get(b.self, 'in_proj_bias')]);
  const split = b.op('aten::view', [packed, b.ints([LENGTH, BATCH, 3, CHANNELS])]);
  const parts = [0, 1, 2].map((i) => {
    const part = b.op('aten::reshape', [b.op('aten::select', [split, b.int(2), b.int(i)]), b.ints([LENGTH, BATCH * heads, CHANNELS / heads])]);
    const size = b.op('prim::ListConstruct', [BATCH, heads, LENGTH, CHANNELS / heads].map((v) => b.int(v)), T.list(T.int));
    return b.op('aten::view', [b.op('aten::contiguous', [b.op('aten::transpose', [part, b.int(0), b.int(1)]), b.int(0)]), size]);
  });
  const none = b.constant(null, T.none);
  const attended = b.op('aten::scaled_dot_product_attention', [...parts, none, b.constant(0, T.float), b.bool(false), none, b.bool(false)]);
  const rows = b.op('aten::reshape', [b.op('aten::permute', [attended, b.ints([2, 0, 1, 3])]), b.ints([LENGTH, BATCH, CHANNELS])]);
  const y = b.op('aten::linear', [rows, get(projection, 'weight'), get(projection, 'bias')]);
  const graph = b.returns(b.op('aten::transpose', [y, b.int(1), b.int(0)]));
  const attributes: Record<string, Constant> = { in_proj_weight: fill(1, 3 * CHANNELS, CHANNELS), in_proj_bias: fill(2, 3 * CHANNELS), out_proj: out };
  return { module: moduleOf(attributes, { forward: graph }, className), graph };
}

describe('useFastAttention', () => {
  it('calls the fast path, and computes the same', async () => {
    const { module, graph } = attention(2);
    const x = floatTensorOf(hashFill(9, BATCH * LENGTH * CHANNELS, -1, 1), [BATCH, LENGTH, CHANNELS]);
    const [slow] = await runGraph(graph, module, [x]);
    expect(useFastAttention(module, graph)).toBe(true);
    verifyGraph(graph, 'useFastAttention');
    expect(kindsOf(graph)).toContain('aten::_native_multi_head_attention');
    const [fast] = await runGraph(graph, module, [x]);
    expect(fast!.meta.shape).toEqual([BATCH, LENGTH, CHANNELS]);
    const slowest = Array.from({ length: BATCH * LENGTH * CHANNELS }, (_, i) => {
      const [n, l, c] = [Math.floor(i / (LENGTH * CHANNELS)), Math.floor(i / CHANNELS) % LENGTH, i % CHANNELS];
      const [sn, sl, sc] = slow!.meta.strides as [number, number, number];
      return slow!.data[slow!.meta.offset + n * sn + l * sl + c * sc]!;
    });
    slowest.forEach((v, i) => { expect(fast!.data[i]).toBeCloseTo(v, 5); });
  });

  it('leaves odd head counts, and attention that is a model\'s own', () => {
    for (const { module, graph } of [attention(1), attention(2, '__torch__.models.Attention')]) {
      const before = kindsOf(graph);
      expect(useFastAttention(module, graph)).toBe(false);
      expect(kindsOf(graph)).toEqual(before);
    }
  });
});
