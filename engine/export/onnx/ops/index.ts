import type { OpTable } from '../opCall.ts';
import { ACTIVATION } from './activation.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { ATTENTION } from './attention.ts';
import { CONVOLUTION } from './convolution.ts';
import { INDEXING } from './indexing.ts';
import { LINEAR } from './linear.ts';
import { NORMALIZATION } from './normalization.ts';
import { POOLING } from './pooling.ts';
import { REDUCTION } from './reduction.ts';
import { RESAMPLING } from './resampling.ts';
import { SHAPE } from './shape.ts';

/** How each op on tensors is written in ONNX, by subject. */
export const OPS: OpTable = {
  ...CONVOLUTION, ...LINEAR, ...ACTIVATION, ...ARITHMETIC, ...POOLING, ...NORMALIZATION, ...REDUCTION, ...ATTENTION, ...SHAPE, ...RESAMPLING, ...INDEXING,
};
