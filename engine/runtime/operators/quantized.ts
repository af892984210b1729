/** Everything that runs on quantized tensors: the `quantized::` namespace, and what aten:: ops do when their first tensor is quantized. */
import type { OpContext, Operator } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { quantizedBinaryOperators, quantizedBinaryOverloads } from './quantizedBinary.ts';
import { quantizedConvOperators } from './quantizedConv.ts';
import { quantizedConvertOperators } from './quantizedConvert.ts';
import { quantizedDynamicOperators } from './quantizedDynamic.ts';
import { quantizedEmbeddingOperators } from './quantizedEmbedding.ts';
import { quantizedNormOperators } from './quantizedNorm.ts';
import { quantizedPointwiseOperators } from './quantizedPointwise.ts';
import { quantizedPoolOverloads } from './quantizedPool.ts';
import { quantizedPrepackOperators } from './quantizedPrepack.ts';
import { quantizedRecurrentOperators } from './quantizedRecurrent.ts';
import { quantizedShapeOverloads } from './quantizedShape.ts';
import { quantizedThroughFloatOperators, quantizedThroughFloatOverloads } from './quantizedThroughFloat.ts';
import { quantizedUnaryOperators, quantizedUnaryOverloads } from './quantizedUnary.ts';

export const quantizedOperators: readonly Operator[] = [
  ...quantizedConvertOperators, ...quantizedConvOperators, ...quantizedBinaryOperators, ...quantizedUnaryOperators, ...quantizedNormOperators,
  ...quantizedPrepackOperators, ...quantizedPointwiseOperators, ...quantizedDynamicOperators, ...quantizedRecurrentOperators,
  ...quantizedThroughFloatOperators, ...quantizedEmbeddingOperators,
];

/**
 * By schema name without the overload, `aten::relu`: asked first when the first tensor argument, or the first of a list, is quantized. The arguments are
 * those of the float schema, defaults filled in. undefined: this case is not for the quantized form.
 */
export const quantizedOverloads: Readonly<Record<string, (ctx: OpContext, args: Args) => RuntimeValue | undefined>> = {
  ...quantizedUnaryOverloads, ...quantizedBinaryOverloads, ...quantizedPoolOverloads, ...quantizedShapeOverloads, ...quantizedThroughFloatOverloads,
};
