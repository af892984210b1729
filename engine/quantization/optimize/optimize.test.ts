import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { hashFill } from '../../workflow/inputs.ts';
import { moduleOf, GraphBuilder, kindsOf } from '../../passes/testing.ts';
import { passContext } from '../../passes/pass.ts';
import { T } from '../../ir/types.ts';
import type { Value } from '../../ir/graph.ts';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { convertJit, type ConvertedGraph } from '../jit/convertJit.ts';
import { prepareJit } from '../jit/prepareJit.ts';
import { qconfigMap } from '../qconfig.ts';
import { DEFAULT_SPEC, digitImages, floatTensorOf, quantizeFile, runGraph, samplePath, sharedFixture } from '../testing/fixtures.ts';
import { fuseInt8 } from './fuseInt8.ts';
import { fusePointwise } from './fusePointwise.ts';
import { moveInt8 } from './moveInt8.ts';
import { optimizeConverted } from './index.ts';
import { recordShapes } from './recordShapes.ts';

const batch = [[digitImages('digits.calib.images.npy', 0, 16)]];

describe('optimizeConverted', () => {
  for (const [model, dtype] of [['digit_resnet', 'quint8'], ['digit_resnet', 'qint8'], ['digit_mobilenet', 'quint8']] as const) {
    it(`${model} in ${dtype}: fewer ops, not one bit changed`, async () => {
      const { converted } = await quantizeFile(samplePath(`${model}.traced.pt`), { dtype, qscheme: dtype === 'qint8' ? 'symmetric' : 'affine' }, batch);
      const optimized = optimizeConverted(converted);
      const x = [digitImages('digits.test.images.npy', 0, 8)];
      const [a] = await runGraph(converted.graph, converted.module, x);
      const [b] = await runGraph(optimized.graph, optimized.module, x);
      expect([...b!.data]).toEqual([...a!.data]);
      expect(kindsOf(optimized.graph).length).toBeLessThan(kindsOf(converted.graph).length);
      expect(optimized.fusions.length).toBeGreaterThan(0);
    });
  }

  for (const form of ['traced', 'scripted'] as const) {
    for (const weight of ['per-tensor', 'per-channel'] as const) {
      it(`digit_mobilenet ${form}, ${weight}: in int8 from the first op to the last`, async () => {
        const { converted } = await quantizeFile(samplePath(`digit_mobilenet.${form}.pt`), { weight }, batch);
        await expectWholeInt8(converted, [digitImages('digits.test.images.npy', 0, 8)]);
      });
    }
  }

  it('knows the shapes of a recorded run, and says which sums are broadcast', async () => {
    const model = await openTorchScript(samplePath('digit_resnet.scripted.pt'));
    const converted = convertJit(prepareJit(model.module, qconfigMap(DEFAULT_SPEC)));
    const shapes = await recordShapes(converted.graph, converted.module, [[4, 1, 28, 28]]);
    const adds = converted.graph.nodes.filter((n) => n.kind === 'quantized::add_relu');
    expect(adds.map((n) => shapes(n.output)?.length)).toEqual([4, 4, 4]);
    expect(shapes(adds[0]!.input(0))).toEqual(shapes(adds[0]!.output));
    expect(shapes(converted.graph.outputs[0]!)).toEqual([4, 10]);
    // As if one summand had a single row.
    const broadcast = (v: Value) => (v === adds[0]!.input(1) ? [4, 8, 1, 28] : shapes(v));
    expect(optimizeConverted(converted, broadcast).nearMisses.map((m) => m.reason).filter((r) => r.startsWith('the add is broadcast'))).toHaveLength(1);
    expect(optimizeConverted(converted, shapes).nearMisses.filter((m) => m.reason.includes('broadcast'))).toEqual([]);
    model.close();
  });

  it('knows no shapes where the model does not take the input', async () => {
    const { converted } = await quantizeFile(samplePath('digit_resnet.traced.pt'), {}, []);
    const none = await recordShapes(converted.graph, converted.module, [[4, 3]]);
    expect(converted.graph.nodes.every((n) => n.outputs.every((v) => none(v) === undefined))).toBe(true);
  });

  it('fuses the three residual sums of digit_resnet', async () => {
    const { converted } = await quantizeFile(samplePath('digit_resnet.scripted.pt'), {}, []);
    const { graph, fusions } = optimizeConverted(converted);
    expect(kindsOf(graph).filter((k) => k === 'quantized::conv2d_add_relu')).toHaveLength(3);
    expect(fusions.filter((f) => f.pattern === 'conv2d + add + relu').map((f) => f.modules[0])).toEqual(['layers.0.conv2', 'layers.1.down.0', 'layers.2.down.0']);
  });
});

/** One quantize at the start, one dequantize at the end, and the output of the converted graph bit for bit. */
async function expectWholeInt8(converted: ConvertedGraph, x: HostTensor[]): Promise<void> {
  const optimized = optimizeConverted(converted);
  const kinds = kindsOf(optimized.graph);
  expect(kinds.filter((k) => k === 'aten::dequantize' || k === 'aten::quantize_per_tensor')).toEqual(['aten::quantize_per_tensor', 'aten::dequantize']);
  const [a] = await runGraph(converted.graph, converted.module, x);
  const [b] = await runGraph(optimized.graph, optimized.module, x);
  expect([...b!.data]).toEqual([...a!.data]);
}

/** Models that come with the fixtures, without weights. Their images are small: what is fused does not depend on the size. */
describe.skipIf(sharedFixture('hydrate.mjs') === undefined)('zoo models', () => {
  const image = (seed: number): HostTensor[] => [floatTensorOf(hashFill(seed, 3 * 64 * 64, -2, 2), [1, 3, 64, 64])];

  for (const [name, form, weight] of [['efficientnet_b0', 'traced', 'per-tensor'], ['efficientnet_b0', 'scripted', 'per-channel'], ['convnext_tiny', 'traced', 'per-tensor'],
    ['mnasnet1_0', 'traced', 'per-tensor']] as const) {
    it(`${name} ${form}, ${weight}: in int8 from the first op to the last`, async () => {
      const { hydrate } = await import(pathToFileURL(sharedFixture('hydrate.mjs')!).href) as { hydrate: (skeleton: Buffer) => Buffer };
      const folder = await mkdtemp(join(tmpdir(), 'zoo-'));
      try {
        const path = join(folder, 'model.pt');
        await writeFile(path, hydrate(readFileSync(sharedFixture(`zoo/${name}.${form}.pt.skel`)!)));
        const { converted } = await quantizeFile(path, { weight }, [image(1001), image(1002)]);
        await expectWholeInt8(converted, image(1000));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }, 120_000);
  }
});

/** x quantized with scale 0.1, zero point 3. */
function start() {
  const b = new GraphBuilder();
  const x = b.input();
  const quantize = (v: Value, scale: number, zeroPoint = 3): Value =>
    b.op('aten::quantize_per_tensor', [v, b.constant(scale, T.float), b.int(zeroPoint), b.int(13)]);
  return { b, q: quantize(x, 0.1), quantize };
}
const ctx = () => passContext(moduleOf({}));

describe('fusePointwise', () => {
  it('cancels a round trip with the same qparams, and only with those', () => {
    const { b, q, quantize } = start();
    const round = (scale: number): Value => b.op('aten::relu', [quantize(b.op('aten::dequantize', [q]), scale)]);
    const graph = b.returns(round(0.1), round(0.2));
    fusePointwise.run(graph, ctx());
    expect(graph.outputs.map((v) => v.node!.input(0) === q)).toEqual([true, false]);
    expect(graph.outputs[1]!.node!.input(0).node!.kind).toBe('quantbench::unary_table');
  });

  it('makes a table of any functions of one tensor, also where the float result is wanted elsewhere', () => {
    const { b, q, quantize } = start();
    // The hardswish of old models: x * relu6(x + 3) / 6.
    const x = b.op('aten::dequantize', [q]);
    const gate = b.op('aten::relu6', [b.op('aten::add', [x, b.int(3), b.int(1)])]);
    const y = b.op('aten::div', [b.op('aten::mul', [x, gate]), b.int(6)]);
    const graph = b.returns(quantize(y, 0.2), y);
    const c = ctx();
    fusePointwise.run(graph, c);
    const table = graph.outputs[0]!.node!;
    expect(table.kind).toBe('quantbench::unary_table');
    expect(table.input(0)).toBe(q);
    expect(table.input(1).node!.attributes.get('value')).toBe('div(mul(dequantize(x0), relu6(add(dequantize(x0), 3))), 6)');
    expect(c.fusions[0]).toMatchObject({ pattern: 'dequantize + add + relu6 + mul + div + quantize', result: 'quantbench::unary_table' });
  });

  it('takes sums and products of several tensors in one pass, but no function that devices round differently', () => {
    const { b, q, quantize } = start();
    const gate = quantize(b.input(), 0.004, 0);
    const other = b.input();
    const product = b.op('aten::mul', [b.op('aten::silu', [b.op('aten::dequantize', [q])]), b.op('aten::dequantize', [gate])]);
    const sum = b.op('aten::add', [product, other, b.int(1)]);
    const graph = b.returns(quantize(sum, 0.2), quantize(b.op('aten::gelu', [b.op('aten::mul', [b.op('aten::dequantize', [q]), other]), b.constant('none', T.str)]), 0.2));
    fusePointwise.run(graph, ctx());
    const fused = graph.outputs[0]!.node!;
    expect(fused.kind).toBe('quantbench::pointwise');
    expect(fused.input(1).node!.attributes.get('value')).toBe('add(mul(silu(dequantize(x0)), dequantize(x1)), x2)');
    expect(fused.input(0).node!.inputs).toEqual([q, gate, other]);
    expect(graph.outputs[1]!.node!.kind).toBe('aten::quantize_per_tensor');
  });

  it('makes an average of a function of a quantized tensor one op', () => {
    const { b, q, quantize } = start();
    const silu = b.op('aten::silu', [b.op('aten::dequantize', [q])]);
    const pooled = b.op('aten::adaptive_avg_pool2d', [silu, b.constant([1, 1], T.list(T.int))]);
    const mean = b.op('aten::mean', [silu, b.constant([-1, -2], T.list(T.int)), b.constant(false, T.bool), b.constant(null, T.none)]);
    const graph = b.returns(quantize(pooled, 0.02), quantize(mean, 0.02));
    fusePointwise.run(graph, ctx());
    expect(graph.outputs[0]!.node!.kind).toBe('quantbench::table_avg_pool2d');
    expect(graph.outputs[1]!.node!.kind).toBe('aten::squeeze');
    expect(kindsOf(graph).filter((k) => /dequantize|silu/.test(k))).toEqual([]);
  });

  it('leaves tensors that are changed in place alone', () => {
    const { b, q, quantize } = start();
    const y = b.op('aten::relu_', [b.op('aten::dequantize', [q])]);
    const graph = b.returns(quantize(y, 0.2));
    fusePointwise.run(graph, ctx());
    expect(graph.outputs[0]!.node!.kind).toBe('aten::quantize_per_tensor');
  });
});

describe('moveInt8', () => {
  it('moves bytes where floats were moved, up to a quantize', () => {
    const { b, q, quantize } = start();
    const padded = b.op('aten::pad', [b.op('aten::dequantize', [q]), b.constant([0, 1], T.list(T.int)), b.constant('constant', T.str), b.constant(null, T.none)]);
    const graph = b.returns(b.op('aten::relu', [quantize(b.op('aten::permute', [padded, b.constant([1, 0], T.list(T.int))]), 0.1)]));
    moveInt8.run(graph, ctx());
    fusePointwise.run(graph, ctx());
    expect(kindsOf(graph)).toEqual(['aten::quantize_per_tensor', 'aten::pad', 'aten::permute', 'aten::relu']);
  });

  it('stays where a float op wants the result', () => {
    const { b, q } = start();
    const part = b.op('aten::select', [b.op('aten::dequantize', [q]), b.int(0), b.int(0)]);
    const graph = b.returns(b.op('aten::matmul', [part, part]));
    expect(moveInt8.run(graph, ctx())).toBe(false);
  });
});

describe('fuseInt8', () => {
  const conv = (b: GraphBuilder, x: Value): Value => b.op('quantized::conv2d', [x, b.input('packed'), b.constant(0.5, T.float), b.int(7)]);
  const run = (usedTwice: boolean, shapes: readonly (readonly number[])[] = []) => {
    const { b, q } = start();
    const y = conv(b, q);
    const sum = b.op('quantized::add', [y, q, b.constant(0.25, T.float), b.int(9)]);
    const graph = b.returns(sum, ...(usedTwice ? [y] : []));
    const c = ctx();
    fuseInt8((v) => (v === y ? shapes[0] : v === q ? shapes[1] : undefined)).run(graph, c);
    return { graph, c };
  };

  it('keeps the convolution\'s own qparams, so that it rounds twice as before', () => {
    const { graph } = run(false);
    const fused = graph.outputs[0]!.node!;
    expect(fused.kind).toBe('quantized::conv2d_add');
    expect(fused.inputs.slice(3).map((v) => v.node!.attributes.get('value'))).toEqual([0.25, 9, 0.5, 7]);
  });

  it('says why it does not', () => {
    expect(run(true).c.nearMisses[0]?.reason).toBe('the output is used elsewhere too');
    expect(run(false, [[1, 8, 4, 4], [1, 8, 1, 1]]).c.nearMisses[0]?.reason).toBe('the add is broadcast: [1, 8, 4, 4] and [1, 8, 1, 1]');
  });

  it('turns a relu behind a convolution into its lower bound', () => {
    const { b, q } = start();
    const graph = b.returns(b.op('aten::relu', [conv(b, q)]));
    fuseInt8(() => undefined).run(graph, ctx());
    expect(kindsOf(graph)).toEqual(['aten::quantize_per_tensor', 'quantized::conv2d_relu']);
  });
});
