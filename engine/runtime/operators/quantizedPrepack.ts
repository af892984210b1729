/** quantized::*_prepack and *_unpack: packed params made and taken apart by the program itself. */
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';

async function dataOf(ctx: OpContext, a: Args, index: number): Promise<TensorData | null> {
  return a.isNone(index) ? null : TensorData.of(await ctx.read(a.tensor(index)));
}

/** (weight, bias, stride, padding, dilation, groups), transposed ones with output_padding before dilation and groups. */
const conv = (op: PackedParams['op'], transposed: boolean): Operator['run'] => async (ctx, a) => ({
  kind: 'PackedParams', op, weight: (await dataOf(ctx, a, 0))!, bias: await dataOf(ctx, a, 1), stride: a.numbers(2), padding: a.numbers(3),
  outputPadding: transposed ? a.numbers(4) : a.numbers(2).map(() => 0), dilation: a.numbers(transposed ? 5 : 4), groups: a.number(transposed ? 6 : 5),
} satisfies PackedParams);

const unpack = (ctx: OpContext, a: Args): RuntimeValue => {
  const p = a.packed(0);
  return [ctx.constant(p.weight.host()), p.bias ? ctx.constant(p.bias.host()) : null];
};

const CLASSES = '__torch__.torch.classes.quantized';
const prepack = (name: string, packed: string, more = ''): string =>
  `quantized::${name}_prepack(Tensor weight, Tensor? bias, int[] stride, int[] padding${more}, int[] dilation, int groups) -> ${CLASSES}.${packed}`;

export const quantizedPrepackOperators: Operator[] = operators({
  [prepack('conv1d', 'Conv2dPackedParamsBase')]: conv('Conv1d', false),
  [prepack('conv2d', 'Conv2dPackedParamsBase')]: conv('Conv2d', false),
  [prepack('conv3d', 'Conv3dPackedParamsBase')]: conv('Conv3d', false),
  [prepack('conv_transpose1d', 'Conv2dPackedParamsBase', ', int[] output_padding')]: conv('ConvTranspose1d', true),
  [prepack('conv_transpose2d', 'Conv2dPackedParamsBase', ', int[] output_padding')]: conv('ConvTranspose2d', true),
  [`quantized::linear_prepack(Tensor W, Tensor? B=None) -> ${CLASSES}.LinearPackedParamsBase`]: async (ctx, a) => ({
    kind: 'PackedParams', op: 'Linear', weight: (await dataOf(ctx, a, 0))!, bias: await dataOf(ctx, a, 1), stride: [], padding: [], outputPadding: [], dilation: [], groups: 1,
  } satisfies PackedParams),
  [`quantized::conv1d_unpack(${CLASSES}.Conv2dPackedParamsBase packed_weights) -> (Tensor unpacked_weights, Tensor? B_origin)`]: unpack,
  [`quantized::conv2d_unpack(${CLASSES}.Conv2dPackedParamsBase packed_weights) -> (Tensor unpacked_weights, Tensor? B_origin)`]: unpack,
  [`quantized::conv3d_unpack(${CLASSES}.Conv3dPackedParamsBase packed_weights) -> (Tensor unpacked_weights, Tensor? B_origin)`]: unpack,
  [`quantized::linear_unpack(${CLASSES}.LinearPackedParamsBase W_prepack) -> (Tensor W_origin, Tensor? B_origin)`]: unpack,
});
