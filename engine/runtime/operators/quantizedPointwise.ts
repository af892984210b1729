import type { Tensor } from '../../../kernels/device/device.ts';
import { adaptiveAvgPool2d } from '../../../kernels/ops/adaptive_pool2d.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { qdequantize } from '../../../kernels/ops/qdequantize.ts';
import { qInput, qOutput, type QOutput, type QType } from '../../../kernels/ops/qmath.ts';
import { qpointwise, type PointwiseStep } from '../../../kernels/ops/qpointwise.ts';
import { qquantize } from '../../../kernels/ops/qquantize.ts';
import { averageTables, qtablePool } from '../../../kernels/ops/qtablePool.ts';
import type { UnaryKind } from '../../../kernels/ops/unary.ts';
import { isQuantized } from '../../../kernels/tensor.ts';
import { inputsOf, isBinaryCall, paramsOf, parseExpression, byteTable, valueTable, type Expression } from '../expression.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { runUnary, toFloat } from './elementwise.ts';
import { nodeConstant, outputArg, qKey, quantizedOf, remember } from './quantizedParams.ts';
import { applyTable } from './quantizedUnary.ts';
import { badArgument, dtypeOf } from './support.ts';

/** Steps of an expression for the kernel, and the tables of its quantized inputs. */
interface Program {
  readonly operands: Tensor[];
  readonly tables: Float32Array[];
  readonly numbers: number[];
  readonly steps: PointwiseStep[];
}

/** Functions of one value that are exact on every device, and the bounds of those that clamp. */
const CLAMPS: Readonly<Record<string, (params: readonly number[]) => readonly [number, number]>> = {
  relu6: () => [0, 6], hardtanh: (p) => [p[0] ?? -1, p[1] ?? 1], clamp: (p) => [p[0] ?? -Infinity, p[1] ?? Infinity],
};

/** Whether a function of float values is one that the kernel computes to the same bits on every device: what may stand above a sum or product. */
export function isExactCall(name: string): boolean {
  return name === 'add' || name === 'sub' || name === 'mul' || name === 'relu' || name === 'neg' || name === 'abs' || name in CLAMPS;
}

/** Lowers an expression: what depends on one quantized tensor alone becomes a table, the rest steps. */
function lower(op: string, e: Expression, inputs: readonly Tensor[]): Program {
  // Registers are numbered as they are met and put in their order at the end: operands, numbers, steps.
  const quantized: { tensor: Tensor; table: Float32Array }[] = [];
  const floats: Tensor[] = [];
  const numbers: number[] = [];
  const steps: { op: PointwiseStep['op']; args: string[] }[] = [];
  const visit = (x: Expression): string => {
    const [index, ...others] = inputsOf(x);
    const source = index === undefined ? undefined : inputs[index];
    if (source && others.length === 0 && isQuantized(source.meta.dtype)) {
      return `q${quantized.push({ tensor: source, table: valueTable(x, qInput(op, [source.meta], 0)) }) - 1}`;
    }
    if (x.kind === 'number') return `c${numbers.push(Math.fround(x.value)) - 1}`;
    if (x.kind === 'input') return `f${floats.push(source!) - 1}`;
    const first = visit(x.args[0]!);
    if (isBinaryCall(x.name) && x.name !== 'div') return `s${steps.push({ op: x.name, args: [first, visit(x.args[1]!)] }) - 1}`;
    const clamp = CLAMPS[x.name];
    if (clamp) return `s${steps.push({ op: 'clamp', args: [first, ...clamp(paramsOf(x)).map((v) => `c${numbers.push(Math.fround(v)) - 1}`)] }) - 1}`;
    if (!isExactCall(x.name)) throw badArgument(op, `${x.name} of several tensors is not computed in one pass`);
    return `s${steps.push({ op: x.name as 'relu', args: [first] }) - 1}`;
  };
  visit(e);
  const operands = quantized.length + floats.length;
  const starts: Readonly<Record<string, number>> = { q: 0, f: quantized.length, c: operands, s: operands + numbers.length };
  return {
    operands: [...quantized.map((v) => v.tensor), ...floats], tables: quantized.map((v) => v.table), numbers,
    steps: steps.map((s) => ({ op: s.op, args: s.args.map((r) => starts[r[0]!]! + Number(r.slice(1))) })),
  };
}

/** (inputs, function, scale, zero point, dtype). */
const pointwise: Operator['run'] = (ctx, a) => {
  const text = a.string(1);
  const dtype = dtypeOf(a.number(4));
  if (dtype !== 'quint8' && dtype !== 'qint8') throw badArgument(a.op, `cannot quantize to ${dtype}`);
  const inputs = a.tensors(0).map((t) => (isQuantized(t.meta.dtype) ? t : toFloat(ctx, t)));
  const p = lower(a.op, parseExpression(text), inputs);
  const key = `values ${text} ${inputs.map((t) => (isQuantized(t.meta.dtype) ? qKey(quantizedOf(a.op, t)) : 'float')).join(' ')}`;
  const tables = nodeConstant(ctx, key, () => hostTensor('float32', [p.tables.length, 256], p.tables.flatMap((t) => [...t])));
  const output = qOutput(dtype, a.number(2), a.number(3));
  const attrs = { operands: p.operands.length, numbers: p.numbers, steps: p.steps, output };
  return ctx.run(qpointwise, [...p.operands, ...(p.tables.length > 0 ? [tables] : [])], attrs)[0]!;
};

/** An expression of one quantized tensor, op by op in float. */
function inFloat(ctx: OpContext, e: Expression, q: Tensor): Tensor {
  if (e.kind !== 'call') return ctx.run(qdequantize, [q], {})[0]!;
  if (e.name === 'dequantize') return ctx.run(qdequantize, [q], {})[0]!;
  if (!isBinaryCall(e.name)) return runUnary(ctx, inFloat(ctx, e.args[0]!, q), e.name as UnaryKind, paramsOf(e));
  const [x, y] = e.args.map((arg) => (arg.kind === 'number' ? { value: arg.value, dtype: 'float32' as const } : inFloat(ctx, arg, q)));
  return e.name === 'div' ? divide(ctx, x!, y!) : runBinary(ctx, e.name, x!, y!);
}

/** (x, function, output_size, scale, zero point): quantize(adaptive_avg_pool2d(function(x))). */
const tablePool: Operator['run'] = (ctx, a: Args) => {
  const x = a.tensor(0);
  const text = a.string(1);
  const [h, w] = x.meta.shape.slice(-2) as [number, number];
  const outputSize = a.numbers(2, 2);
  const output: QOutput = outputArg(a, 3, x.meta.dtype);
  const q = quantizedOf(a.op, x);
  if (x.meta.shape.length === 4 && h % outputSize[0]! === 0 && w % outputSize[1]! === 0) {
    const count = (h / outputSize[0]!) * (w / outputSize[1]!);
    const key = (part: string): string => `average ${part} ${text} ${count} ${qKey(q)} ${qKey(output)}`;
    const table = remember(ctx.node, key('table'), () => valueTable(parseExpression(text), q));
    const tables = remember(ctx.node, key('tables'), () => averageTables(table, count, output));
    if (tables) {
      const constants = [nodeConstant(ctx, key('values'), () => tables.values), nodeConstant(ctx, key('growth'), () => tables.growth)];
      return ctx.run(qtablePool, [x, ...constants], { outputSize, output, table })[0]!;
    }
  }
  // Windows of different sizes, or values without end: op by op.
  const mean = ctx.run(adaptiveAvgPool2d, [inFloat(ctx, parseExpression(text), x)], { outputSize });
  return ctx.run(qquantize, mean, output)[0]!;
};

/** What optimize/fusePointwise.ts makes of float ops between dequantize and quantize. `function` is an expression (see ../expression.ts). */
export const quantizedPointwiseOperators: Operator[] = operators({
  'quantbench::unary_table(Tensor qx, str function, float output_scale, int output_zero_point) -> Tensor': (ctx, a) => {
    const output = outputArg(a, 2, a.tensor(0).meta.dtype as QType);
    return applyTable(ctx, a.op, a.tensor(0), output, a.string(1), (from) => byteTable(a.string(1), from, output));
  },
  'quantbench::pointwise(Tensor[] inputs, str function, float output_scale, int output_zero_point, ScalarType dtype) -> Tensor': pointwise,
  'quantbench::table_avg_pool2d(Tensor qx, str function, int[] output_size, float output_scale, int output_zero_point) -> Tensor': tablePool,
});
