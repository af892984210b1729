/** Every function and sum that may follow a convolution or linear, in the fp32 plan and in the int8 plan: fused, and with what it gave before. */
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../../kernels/layout.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { deadCode } from '../../passes/deadCode.ts';
import { fuseFloat } from '../../passes/fuseFloat.ts';
import { passContext } from '../../passes/pass.ts';
import { runPasses } from '../../passes/pipeline.ts';
import { GraphBuilder, kindsOf, moduleOf } from '../../passes/testing.ts';
import { floatTensorOf, runGraph } from '../testing/fixtures.ts';
import { fuseInt8 } from './fuseInt8.ts';
import { fusePointwise } from './fusePointwise.ts';

type Producer = 'conv1d' | 'conv2d' | 'linear';
const PRODUCERS: readonly Producer[] = ['conv1d', 'conv2d', 'linear'];
/** DESIGN.md's list; numbers are the arguments after the tensor. */
const UNARY: Readonly<Record<string, readonly (number | string)[]>> = {
  relu: [], relu6: [], hardtanh: [-0.5, 0.75], leaky_relu: [0.1], sigmoid: [], tanh: [], gelu: ['none'], silu: [], mish: [], hardswish: [], hardsigmoid: [],
  elu: [0.8, 1, 1], abs: [], sqrt: [], square: [], exp: [], log: [], pow: [3],
};
/** What convert_jit leaves on quantized tensors; the others stand between dequantize and quantize. */
const ON_QUANTIZED = new Set(['relu', 'relu6', 'hardtanh', 'leaky_relu', 'sigmoid', 'tanh', 'hardsigmoid']);

const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step + 1) * 1.5);
const SHAPES: Readonly<Record<Producer, { x: number[]; weight: number[]; y: number[] }>> = {
  conv1d: { x: [2, 4, 9], weight: [6, 4, 3], y: [2, 6, 9] }, conv2d: { x: [1, 4, 5, 5], weight: [6, 4, 3, 3], y: [1, 6, 5, 5] },
  linear: { x: [3, 8], weight: [6, 8], y: [3, 6] },
};
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const filled = (shape: readonly number[], step: number): HostTensor => floatTensorOf(wave(size(shape), step), shape);
const inputs = (p: Producer): HostTensor[] => [filled(SHAPES[p].x, 0.7), filled(SHAPES[p].y, 0.3)];

function unary(b: GraphBuilder, name: string, x: Value): Value {
  return b.op(`aten::${name}`, [x, ...UNARY[name]!.map((v) => b.constant(v, typeof v === 'string' ? T.str : T.float))]);
}

/** producer(x), then what `after` adds; `after` gets the producer's value and a second tensor of its shape. */
function floatGraph(p: Producer, after: (b: GraphBuilder, y: Value, other: Value) => readonly Value[]): Graph {
  const b = new GraphBuilder();
  const [x, other] = [b.input('x'), b.input('other')];
  const parameter = (shape: number[], step: number) => b.constant(TensorData.of(hostTensor('float32', shape, wave(size(shape), step))), T.tensor);
  const { weight } = SHAPES[p];
  const dims = weight.length - 2;
  const ints = (v: number): Value => b.ints(new Array<number>(dims).fill(v));
  const args = [x, parameter(weight, 0.9), parameter([weight[0]!], 2)];
  const y = p === 'linear' ? b.op('aten::linear', args) : b.op(`aten::${p}`, [...args, ints(1), ints(1), ints(1), b.int(1)]);
  return b.returns(...after(b, y, other));
}

async function expectSame(before: Graph, after: Graph, module: ModuleObject, p: Producer, exact: boolean): Promise<void> {
  const [[a], [b]] = [await runGraph(before, module, inputs(p)), await runGraph(after, module, inputs(p))];
  const [want, got] = [[...a!.data], [...b!.data]];
  if (exact) expect(got).toEqual(want);
  else {
    got.forEach((v, i) => {
      if (!Number.isNaN(v) || !Number.isNaN(want[i]!)) expect(Math.abs(v - want[i]!)).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(want[i]!)));
    });
  }
}

describe('fp32', () => {
  const fused = async (p: Producer, after: Parameters<typeof floatGraph>[1], kind: string, pattern: string): Promise<void> => {
    const before = floatGraph(p, after);
    const graph = cloneGraph(before);
    const ctx = passContext(moduleOf({}));
    runPasses(graph, [fuseFloat()], ctx);
    expect(kindsOf(graph)).toEqual([`quantbench::${kind}`]);
    expect(ctx.fusions.map((f) => f.pattern)).toEqual([pattern]);
    expect(ctx.nearMisses).toEqual([]);
    await expectSame(before, graph, moduleOf({}), p, false);
  };

  for (const p of PRODUCERS) {
    it(`${p} with every function`, async () => {
      for (const name of Object.keys(UNARY)) await fused(p, (b, y) => [unary(b, name, y)], `${p}_${name}`, `${p} + ${name}`);
    });
    it(`${p} with add, mul, and a function behind them, on either side`, async () => {
      for (const join of ['add', 'mul']) {
        const joined = (b: GraphBuilder, a: Value, c: Value): Value => b.op(`aten::${join}`, join === 'add' ? [a, c, b.int(1)] : [a, c]);
        await fused(p, (b, y, other) => [joined(b, y, other)], `${p}_${join}`, `${p} + ${join}`);
        await fused(p, (b, y, other) => [unary(b, 'relu', joined(b, other, y))], `${p}_${join}_relu`, `${p} + ${join} + relu`);
      }
    });
  }

  it('says why it does not', () => {
    const reasons = (after: Parameters<typeof floatGraph>[1], shapes?: readonly (readonly number[])[]): string[] => {
      const graph = floatGraph('conv2d', after);
      const ctx = passContext(moduleOf({}));
      const y = [...graph.walk()].find((n) => n.kind === 'aten::conv2d')!.output;
      runPasses(graph, [fuseFloat((v) => shapes?.[v === y ? 0 : 1])], ctx);
      expect(ctx.fusions).toEqual([]);
      return ctx.nearMisses.map((m) => `${m.pattern}: ${m.reason}`);
    };
    expect(reasons((b, y) => [unary(b, 'relu', y), y])).toEqual(['conv2d + relu: the output is used elsewhere too']);
    expect(reasons((b, y, other) => [b.op('aten::mul', [y, other]), y])).toEqual(['conv2d + mul: the output is used elsewhere too']);
    expect(reasons((b, y, other) => [b.op('aten::add', [y, other, b.int(2)])])).toEqual(['conv2d + add: alpha is not 1']);
    expect(reasons((b, y) => [b.op('aten::mul', [y, b.int(2)])])).toEqual(['conv2d + mul: the other factor is a number']);
    expect(reasons((b, y, other) => [b.op('aten::add', [y, other, b.int(1)])], [[1, 6, 5, 5], [1, 6, 1, 1]]))
      .toEqual(['conv2d + add: the add is broadcast: [1, 6, 5, 5] and [1, 6, 1, 1]']);
  });
});

describe('int8', () => {
  /** quantize(x), the int8 producer, what `after` adds, dequantize. */
  const int8Graph = (p: Producer, after: (b: GraphBuilder, y: Value, other: Value, quantize: (v: Value) => Value) => Value):
  { graph: Graph; module: ModuleObject } => {
    const b = new GraphBuilder();
    const [x, other] = [b.input('x'), b.input('other')];
    const { weight } = SHAPES[p];
    const q = { scheme: 'per_tensor_affine' as const, scale: 0.01, zeroPoint: 0 };
    const stored = hostTensor('qint8', weight, Array.from(wave(size(weight), 0.9), (v) => Math.round(v * 60)));
    const list = new Array<number>(weight.length - 2).fill(1);
    const packed: PackedParams = {
      kind: 'PackedParams', op: p === 'linear' ? 'Linear' : p === 'conv1d' ? 'Conv1d' : 'Conv2d', weight: TensorData.of({ ...stored, meta: { ...stored.meta, q } }),
      bias: TensorData.of(hostTensor('float32', [weight[0]!], wave(weight[0]!, 2))), stride: list, padding: list, outputPadding: list.map(() => 0), dilation: list, groups: 1,
    };
    const quantize = (v: Value, scale = 0.02, zeroPoint = 100): Value =>
      b.op('aten::quantize_per_tensor', [v, b.constant(scale, T.float), b.int(zeroPoint), b.int(13)]);
    const params = b.op('prim::GetAttr', [b.self], T.cls(`__torch__.torch.classes.quantized.${p === 'linear' ? 'Linear' : 'Conv2d'}PackedParamsBase`));
    params.node!.attributes.set('name', 'packed');
    const y = b.op(`quantized::${p}`, [quantize(x, 0.015, 128), params, b.constant(0.05, T.float), b.int(120)]);
    const end = after(b, y, quantize(other), quantize);
    return { graph: b.returns(b.op('aten::dequantize', [end])), module: moduleOf({ packed }) };
  };

  const fused = async (p: Producer, after: Parameters<typeof int8Graph>[1], kind: string, patterns: string[]): Promise<void> => {
    const { graph: before, module } = int8Graph(p, after);
    const graph = cloneGraph(before);
    const ctx = passContext(module);
    runPasses(graph, [fusePointwise, deadCode, fuseInt8(() => undefined)], ctx);
    const kinds = kindsOf(graph).filter((k) => k !== 'prim::GetAttr' && k !== 'aten::quantize_per_tensor');
    expect(kinds).toEqual([kind, 'aten::dequantize']);
    expect(ctx.fusions.map((f) => f.pattern)).toEqual(patterns);
    await expectSame(before, graph, module, p, true);
  };

  for (const p of PRODUCERS) {
    it(`${p} with every function, bit for bit`, async () => {
      for (const name of Object.keys(UNARY)) {
        const kind = name === 'relu' ? `quantized::${p}_relu` : `quantbench::${p}_unary`;
        const behind = `${p} + ${name}`;
        if (ON_QUANTIZED.has(name)) await fused(p, (b, y) => unary(b, name, y), kind, [behind]);
        await fused(p, (b, y, _, quantize) => quantize(unary(b, name, b.op('aten::dequantize', [y]))), `quantbench::${p}_unary`,
          [`dequantize + ${name} + quantize`, behind]);
      }
      const numbers = (b: GraphBuilder, scale: number): Value[] => [b.constant(scale, T.float), b.int(90)];
      await fused(p, (b, y) => b.op('quantized::hardswish', [y, ...numbers(b, 0.03)]), `quantbench::${p}_unary`, [`${p} + hardswish`]);
      await fused(p, (b, y) => b.op('quantized::elu', [y, ...numbers(b, 0.03), b.constant(0.8, T.float), b.constant(1, T.float), b.constant(1, T.float)]),
        `quantbench::${p}_unary`, [`${p} + elu`]);
    });

    it(`${p} with add and mul, with relu or without, on either side, bit for bit`, async () => {
      for (const join of ['add', 'mul']) {
        for (const relu of ['', '_relu']) {
          for (const swap of [false, true]) {
            await fused(p, (b, y, other) => b.op(`quantized::${join}${relu}`, [...swap ? [other, y] : [y, other], b.constant(0.04, T.float), b.int(110)]),
              `quantized::${p}_${join}${relu}`, [`${p} + ${join}${relu ? ' + relu' : ''}`]);
          }
        }
      }
    });
  }
});
