/** Every 8-bit operator. A new one is one file and one line here. */
import type { KernelOp } from '../op.ts';
import { qbinary } from './qbinary.ts';
import { qcat } from './qcat.ts';
import { qconv2d } from './qconv2d.ts';
import { qconvTranspose2d } from './qconvTranspose2d.ts';
import { qdequantize } from './qdequantize.ts';
import { qlinear } from './qlinear.ts';
import { qnorm } from './qnorm.ts';
import { qpointwise } from './qpointwise.ts';
import { qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d } from './qpool.ts';
import { qquantize } from './qquantize.ts';
import { qtable } from './qtable.ts';
import { qtablePool } from './qtablePool.ts';
import { qupsample } from './qupsample.ts';

export const quantizedOps: readonly KernelOp<never>[] = [
  qquantize, qdequantize, qconv2d, qconvTranspose2d, qlinear, qtable, qbinary, qmaxPool2d, qavgPool2d, qadaptiveAvgPool2d, qcat, qnorm, qupsample,
  qpointwise, qtablePool,
];
