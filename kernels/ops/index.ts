import type { KernelOp } from '../op.ts';
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from './adaptive_pool2d.ts';
import { attention } from './attention.ts';
import { avgPool2d } from './avg_pool2d.ts';
import { batchNorm } from './batch_norm.ts';
import { binary } from './binary.ts';
import { cast } from './cast.ts';
import { cat } from './cat.ts';
import { conv2d } from './conv2d.ts';
import { convTranspose2d } from './conv_transpose2d.ts';
import { copy, flip } from './copy.ts';
import { copyInto } from './copyInto.ts';
import { cumsum } from './cumsum.ts';
import { full } from './full.ts';
import { gridSampler2d } from './grid_sampler_2d.ts';
import { groupNorm } from './group_norm.ts';
import { histogram } from './histogram.ts';
import { gather, indexSelect } from './index_select.ts';
import { layerNorm } from './layer_norm.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';
import { maxPool2d } from './max_pool2d.ts';
import { minMax } from './min_max.ts';
import { pad } from './pad.ts';
import { quantizedOps } from './qindex.ts';
import { reduce } from './reduce.ts';
import { scatter } from './scatter.ts';
import { softmax } from './softmax.ts';
import { topk } from './topk.ts';
import { unary } from './unary.ts';
import { upsampleBilinear2d, upsampleNearest2d } from './upsample2d.ts';
import { where } from './where.ts';

/** Operators on float, integer and bool tensors. A new operator is a new file and a line here. */
export const floatOps: readonly KernelOp<never>[] = [
  copy, copyInto, flip, full, cast,
  conv2d, convTranspose2d, linear, matmul, attention,
  batchNorm, layerNorm, groupNorm, softmax,
  maxPool2d, avgPool2d, adaptiveAvgPool2d, adaptiveMaxPool2d,
  unary, binary, where,
  cat, pad, indexSelect, gather, scatter, upsampleNearest2d, upsampleBilinear2d, gridSampler2d,
  reduce, minMax, histogram, cumsum, topk,
];

/** Every operator of the kernels floor. */
export const kernelOps: readonly KernelOp<never>[] = [...floatOps, ...quantizedOps];
