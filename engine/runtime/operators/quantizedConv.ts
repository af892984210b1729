import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { contiguousStrides, hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { qconv2d } from '../../../kernels/ops/qconv2d.ts';
import { qconvTranspose2d } from '../../../kernels/ops/qconvTranspose2d.ts';
import { summandTables, type Epilogue } from '../../../kernels/ops/qepilogue.ts';
import { qlinear } from '../../../kernels/ops/qlinear.ts';
import { packedRows, qOutput, type QOutput } from '../../../kernels/ops/qmath.ts';
import { numel } from '../../../kernels/tensor.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import { byteTable, unaryText } from '../expression.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args } from '../value.ts';
import { quantizedBinary, quantizedCat } from './quantizedBinary.ts';
import { contiguousAs, heightOne, nodeConstant, outputArg, packedWeight, qKey, quantizedOf, remember, requantization, roundingOf, saturatesPairs, withoutHeight } from './quantizedParams.ts';
import { constantPad } from './quantizedShape.ts';
import { reView } from './support.ts';
import { slice } from './views.ts';

/** What follows a conv or linear in the same kernel. */
export interface Fused {
  readonly output: QOutput;
  /** An expression of the result (see ../expression.ts), as a table. */
  readonly unary?: { readonly expression: string; readonly output: QOutput };
  readonly residual?: { readonly op: 'add' | 'mul'; readonly tensor: Tensor; readonly output: QOutput };
}

/** The epilogue's attributes and inputs (see kernels/ops/qepilogue.ts). */
function epilogueOf(ctx: OpContext, op: string, x: Tensor, p: PackedParams, f: Fused): { epilogue: Epilogue; inputs: Tensor[] } {
  const inputs = [ctx.constant(requantization(p, quantizedOf(op, x), f.output))];
  let epilogue: Epilogue = { rounding: roundingOf(p, quantizedOf(op, x)), output: f.output };
  let before = f.output;
  if (f.unary) {
    const { expression, output } = f.unary;
    const from = before;
    inputs.push(nodeConstant(ctx, `table ${JSON.stringify([expression, from, output])}`, () => hostTensor('uint8', [256], byteTable(expression, from, output))));
    epilogue = { ...epilogue, table: output };
    before = output;
  }
  if (f.residual) {
    const { op: kind, tensor, output } = f.residual;
    const other = quantizedOf(op, tensor);
    const from = before;
    inputs.push(tensor);
    if (kind === 'add') inputs.push(nodeConstant(ctx, `summands ${qKey(from)} ${qKey(other)}`, () => hostTensor('float32', [2, 256], summandTables(from, other))));
    epilogue = { ...epilogue, residual: { op: kind, output } };
  }
  return { epilogue, inputs };
}

/** quantized::conv1d, conv2d, their transposed forms, and conv3d, with whatever is fused behind them. */
export function quantizedConv(ctx: OpContext, op: string, x: Tensor, p: PackedParams, f: Fused): Tensor {
  const transposed = p.op === 'ConvTranspose1d' || p.op === 'ConvTranspose2d';
  if (p.op === 'Conv3d') return quantizedConv3d(ctx, op, x, p, f);
  if (transposed && p.groups > 1 && p.weight.shape[1] !== 1 && !f.residual) {
    const parts = groupsOf(p).map((part, g, all) => quantizedConv(ctx, op, channels(ctx, x, g, all.length), part, f));
    return quantizedCat(ctx, op, parts, 1, f.unary?.output ?? f.output);
  }
  if (!transposed && p.op !== 'Conv1d' && p.op !== 'Conv2d') {
    throw new QuantbenchError('OPERATOR_UNSUPPORTED', `${op}: packed params of ${p.op} are not supported`, 'Leave this module in float: give it no qconfig.');
  }
  const flat = x.meta.shape.length === 3;
  const image = flat ? ctx.view(x, heightOne(x.meta)) : x;
  const residual = f.residual && flat ? { ...f.residual, tensor: ctx.view(f.residual.tensor, heightOne(f.residual.tensor.meta)) } : f.residual;
  const { epilogue, inputs } = epilogueOf(ctx, op, image, p, residual ? { ...f, residual } : f);
  const { weight, integers } = packedWeight(p);
  const pair = (list: readonly number[], rest: number): number[] => (list.length === 1 ? [rest, list[0]!] : [...list]);
  const tensors = [image, ctx.constant(weight), ctx.constant(integers), ...inputs];
  const attrs = { ...epilogue, stride: pair(p.stride, 1), padding: pair(p.padding, 0), dilation: pair(p.dilation, 1), groups: p.groups };
  const saturatePairs = saturatesPairs(p, quantizedOf(op, x));
  const [y] = transposed ? ctx.run(qconvTranspose2d, tensors, { ...attrs, outputPadding: pair(p.outputPadding, 0) })
    : ctx.run(qconv2d, tensors, { ...attrs, ...(saturatePairs ? { saturatePairs } : {}) });
  return flat ? ctx.view(y!, withoutHeight(y!.meta)) : y!;
}

/** The g-th of `groups` equal parts of the channels. */
function channels(ctx: OpContext, x: Tensor, g: number, groups: number): Tensor {
  const each = x.meta.shape[1]! / groups;
  return slice(ctx, x, 1, g * each, (g + 1) * each);
}

/** The groups of a transposed convolution as convolutions of their own; the weight is [I, O / groups, ...]. */
function groupsOf(p: PackedParams): PackedParams[] {
  return remember(p, 'groups', () => {
    const weight = p.weight.host();
    const bias = p.bias && toRowMajor(p.bias.host());
    const [inputs, outputs] = [weight.meta.shape[0]! / p.groups, weight.meta.shape[1]!];
    return Array.from({ length: p.groups }, (_, g): PackedParams => ({
      ...p, groups: 1,
      weight: TensorData.of({
        data: weight.data,
        meta: { ...weight.meta, shape: [inputs, ...weight.meta.shape.slice(1)], offset: weight.meta.offset + g * inputs * weight.meta.strides[0]! },
      }),
      bias: bias && TensorData.of(hostTensor('float32', [outputs], bias.slice(g * outputs, (g + 1) * outputs))),
    }));
  });
}

/**
 * quantized::conv3d of [N, C, D, H, W] as a conv2d: what an output sees of the depths before and behind it are more channels of its image. The sums are
 * the same integers, and so are the bytes.
 */
function quantizedConv3d(ctx: OpContext, op: string, x: Tensor, p: PackedParams, f: Fused): Tensor {
  const [pad] = p.padding as [number];
  const padded = pad === 0 ? x : constantPad(ctx, op, x, [0, 0, 0, 0, pad, pad], 0);
  const [stride, dilation] = [p.stride[0]!, p.dilation[0]!];
  const [n, c, d, h, w] = padded.meta.shape as [number, number, number, number, number];
  const kernel = p.weight.shape[2]!;
  const depth = Math.floor((d - dilation * (kernel - 1) - 1) / stride) + 1;
  const [sn, sc, sd, sh, sw] = padded.meta.strides as [number, number, number, number, number];
  // [N, depth, C, kernel, H, W]: windows of depths overlap, so this is copied.
  const windows = reView(ctx, padded, [n, depth, c, kernel, h, w], [sn, stride * sd, sc, dilation * sd, sh, sw]);
  const image = contiguousAs(ctx, windows, [n * depth, c * kernel, h, w]);
  const y = quantizedConv(ctx, op, image, flattened(p), f);
  const [, o, outH, outW] = y.meta.shape as [number, number, number, number];
  const [sb, so, sy, sx] = y.meta.strides as [number, number, number, number];
  return reView(ctx, y, [n, o, depth, outH, outW], [depth * sb, so, sb, sy, sx]);
}

/** The params of the conv2d that does a conv3d's work. */
function flattened(p: PackedParams): PackedParams {
  return remember(p, 'flattened', () => {
    const weight = p.weight.host();
    const [o, c, kD, kH, kW] = weight.meta.shape as [number, number, number, number, number];
    const { q } = weight.meta;
    return {
      ...p, op: 'Conv2d', weight: TensorData.of(hostTensor(weight.meta.dtype, [o, c * kD, kH, kW], toRowMajor(weight), q)),
      stride: p.stride.slice(1), padding: p.padding.slice(1), dilation: p.dilation.slice(1), outputPadding: [0, 0],
    };
  });
}

/** quantized::linear over the last dimension of a tensor of any rank. */
export function quantizedLinear(ctx: OpContext, op: string, x: Tensor, p: PackedParams, f: Fused): Tensor {
  const { weight, integers } = packedWeight(p);
  const lead = x.meta.shape.slice(0, -1);
  const asRows = (t: Tensor): Tensor => {
    const rows = packedRows(t.meta);
    return rows ? ctx.view(t, rows) : contiguousAs(ctx, t, [numel(lead), t.meta.shape[t.meta.shape.length - 1] ?? 1]);
  };
  const rows = asRows(x);
  const { epilogue, inputs } = epilogueOf(ctx, op, rows, p, f.residual ? { ...f, residual: { ...f.residual, tensor: asRows(f.residual.tensor) } } : f);
  const [y] = ctx.run(qlinear, [rows, ctx.constant(weight), ctx.constant(integers), ...inputs], epilogue);
  const pitch = y!.meta.strides[0]!;
  return ctx.view(y!, { ...y!.meta, shape: [...lead, y!.meta.shape[1]!], strides: [...contiguousStrides(lead).map((s) => s * pitch), 1] });
}

/** PyTorch packs a 1d convolution as a 2d one. */
const CONV = '__torch__.torch.classes.quantized.Conv2dPackedParamsBase packed_weight';
const CONV3D = CONV.replace('Conv2d', 'Conv3d');
const LINEAR = '__torch__.torch.classes.quantized.LinearPackedParamsBase W_prepack';

type Body = (ctx: OpContext, op: string, x: Tensor, p: PackedParams, f: Fused) => Tensor;

/** (x, packed, scale, zero_point). */
const plain = (body: Body, relu: boolean): Operator['run'] => (ctx, a) => {
  const x = a.tensor(0);
  return body(ctx, a.op, x, a.packed(1), { output: outputArg(a, 2, x.meta.dtype, relu) });
};

/** (x, other, packed, scale, zero_point, own scale, own zero_point): the conv or linear rounds to its own qparams first. */
const joined = (body: Body, kind: 'add' | 'mul', relu: boolean): Operator['run'] => (ctx, a) => {
  const x = a.tensor(0);
  const output = outputArg(a, 3, x.meta.dtype, relu);
  const own = outputArg(a, 5, x.meta.dtype);
  const [p, other] = [a.packed(2), a.tensor(1)];
  // The kernel joins tensors of one shape; one that is broadcast is joined afterwards.
  if (other.meta.shape.join() !== resultShape(x.meta.shape, p).join()) {
    return quantizedBinary(ctx, a.op, kind, body(ctx, a.op, x, p, { output: own }), other, output);
  }
  return body(ctx, a.op, x, p, { output: own, residual: { op: kind, tensor: other, output } });
};

/** Shape of a convolution's or linear's result. */
function resultShape(shape: readonly number[], p: PackedParams): number[] {
  const { weight, stride, padding, dilation } = p;
  if (p.op === 'Linear') return [...shape.slice(0, -1), weight.shape[0]!];
  const lead = shape.slice(0, shape.length - weight.shape.length + 1);
  const spatial = weight.shape.slice(2).map((kernel, i) => {
    const from = (list: readonly number[]): number => list[list.length - (weight.shape.length - 2) + i]!;
    const size = shape[shape.length - weight.shape.length + 2 + i]!;
    return Math.floor((size + 2 * from(padding) - from(dilation) * (kernel - 1) - 1) / from(stride)) + 1;
  });
  return [...lead, weight.shape[0]!, ...spatial];
}

/** (x, packed, own scale, own zero_point, function, scale, zero_point). */
const withUnary = (body: Body): Operator['run'] => (ctx, a: Args) => {
  const x = a.tensor(0);
  return body(ctx, a.op, x, a.packed(1), {
    output: outputArg(a, 2, x.meta.dtype), unary: { expression: a.string(4), output: outputArg(a, 5, x.meta.dtype) },
  });
};

/** (x, packed, scale, zero_point), then a function inside the kernel's own rounding, as PyTorch's fused linear ops. */
const linearThen = (expression: (a: Args) => string): Operator['run'] => (ctx, a) => {
  const x = a.tensor(0);
  const output = outputArg(a, 2, x.meta.dtype);
  const whole = qOutput(output.dtype, output.scale, output.zeroPoint);
  return quantizedLinear(ctx, a.op, x, a.packed(1), { output, unary: { expression: expression(a), output: whole } });
};

const fusedForms = (name: string, packed: string, body: Body): Record<string, Operator['run']> => Object.fromEntries([
  ...(['add', 'mul'] as const).flatMap((kind) => [false, true].map((relu) => [
    // PyTorch's own conv2d_add has no qparams for the conv in between; these have, so that fusing changes no bit.
    `quantized::${name}_${kind}${relu ? '_relu' : ''}.requantized(Tensor qx, Tensor qother, ${packed}, float output_scale, int output_zero_point, `
      + 'float own_scale, int own_zero_point) -> Tensor',
    joined(body, kind, relu),
  ])),
  [`quantbench::${name}_unary(Tensor qx, ${packed}, float own_scale, int own_zero_point, str function, `
    + 'float output_scale, int output_zero_point) -> Tensor', withUnary(body)],
]) as Record<string, Operator['run']>;

export const quantizedConvOperators: Operator[] = operators({
  [`quantized::conv1d(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, false),
  [`quantized::conv1d_relu(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, true),
  [`quantized::conv2d.new(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, false),
  [`quantized::conv2d_relu.new(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, true),
  [`quantized::conv3d.new(Tensor qx, ${CONV3D}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, false),
  [`quantized::conv3d_relu.new(Tensor qx, ${CONV3D}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, true),
  [`quantized::conv_transpose1d(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, false),
  [`quantized::conv_transpose2d(Tensor qx, ${CONV}, float output_scale, int output_zero_point) -> Tensor`]: plain(quantizedConv, false),
  [`quantized::linear(Tensor X, ${LINEAR}, float Y_scale_i, int Y_zero_point_i) -> Tensor`]: plain(quantizedLinear, false),
  [`quantized::linear_relu(Tensor X, ${LINEAR}, float Y_scale_i, int Y_zero_point_i) -> Tensor`]: plain(quantizedLinear, true),
  [`quantized::linear_tanh(Tensor X, ${LINEAR}, float Y_scale_i, int Y_zero_point_i) -> Tensor`]: linearThen(() => unaryText('tanh', [])),
  [`quantized::linear_leaky_relu(Tensor X, ${LINEAR}, float Y_scale_i, int Y_zero_point_i, float negative_slope) -> Tensor`]:
    linearThen((a) => unaryText('leaky_relu', [a.number(4)])),
  ...fusedForms('conv1d', CONV, quantizedConv),
  ...fusedForms('conv2d', CONV, quantizedConv),
  ...fusedForms('linear', LINEAR, quantizedLinear),
});
