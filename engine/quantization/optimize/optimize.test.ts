import { describe, expect, it } from 'vitest';
import { moduleOf, GraphBuilder, kindsOf } from '../../passes/testing.ts';
import { passContext } from '../../passes/pass.ts';
import { T } from '../../ir/types.ts';
import type { Value } from '../../ir/graph.ts';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { convertJit } from '../jit/convertJit.ts';
import { prepareJit } from '../jit/prepareJit.ts';
import { qconfigMap } from '../qconfig.ts';
import { DEFAULT_SPEC, digitImages, quantizeFile, runGraph, samplePath } from '../testing/fixtures.ts';
import { foldRequantize } from './foldRequantize.ts';
import { fuseInt8 } from './fuseInt8.ts';
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

/** x quantized with scale 0.1, zero point 3. */
function start() {
  const b = new GraphBuilder();
  const x = b.input();
  const quantize = (v: Value, scale: number, zeroPoint = 3): Value =>
    b.op('aten::quantize_per_tensor', [v, b.constant(scale, T.float), b.int(zeroPoint), b.int(13)]);
  return { b, q: quantize(x, 0.1), quantize };
}
const ctx = () => passContext(moduleOf({}));

describe('foldRequantize', () => {
  it('cancels a round trip with the same qparams, and only with those', () => {
    const { b, q, quantize } = start();
    const round = (scale: number): Value => b.op('aten::relu', [quantize(b.op('aten::dequantize', [q]), scale)]);
    const graph = b.returns(round(0.1), round(0.2));
    foldRequantize.run(graph, ctx());
    expect(graph.outputs.map((v) => v.node!.input(0) === q)).toEqual([true, false]);
  });

  it('makes a table of a function between dequantize and quantize, unless the float result is wanted too', () => {
    const build = (used: boolean) => {
      const { b, q, quantize } = start();
      const y = b.op('aten::gelu', [b.op('aten::dequantize', [q]), b.constant('tanh', T.str)]);
      const c = ctx();
      const graph = b.returns(quantize(y, 0.2), ...(used ? [y] : []));
      foldRequantize.run(graph, c);
      return { graph, c };
    };
    const { graph } = build(false);
    const table = graph.outputs[0]!.node!;
    expect(table.kind).toBe('quantbench::unary_table');
    expect(table.input(1).node!.attributes.get('value')).toBe('gelu_tanh');
    expect(build(true).c.nearMisses[0]?.reason).toMatch(/float/);
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
