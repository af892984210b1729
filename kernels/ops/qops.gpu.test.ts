import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { KernelOp } from '../op.ts';
import { hostTensor } from '../layout.ts';
import type { HostTensor, TensorMeta } from '../tensor.ts';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { qbinary } from './qbinary.ts';
import { catTables, qcat } from './qcat.ts';
import { qconvTranspose2d } from './qconvTranspose2d.ts';
import { qdequantize } from './qdequantize.ts';
import { summandTables } from './qepilogue.ts';
import { qInput } from './qmath.ts';
import { qnorm } from './qnorm.ts';
import { largestAdaptiveWindow, poolReciprocals, qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d } from './qpool.ts';
import { qpointwise, type PointwiseStep } from './qpointwise.ts';
import { qquantize } from './qquantize.ts';
import { qtable } from './qtable.ts';
import { averageTables, qtablePool } from './qtablePool.ts';
import { Random, randomEpilogue, randomQOutput, randomQTensor, randomWeight } from './qtesting.ts';
import { qupsample, sourceCoordinates } from './qupsample.ts';

interface Case { op: KernelOp<never>; inputs: HostTensor[]; attrs: unknown }
const call = <A>(op: KernelOp<A>, inputs: HostTensor[], attrs: A): Case => ({ op, inputs, attrs });
const floats = (r: Random, shape: number[], low: number, high: number): HostTensor =>
  hostTensor('float32', shape, Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(r.float(low, high))));
const reciprocals = (largest: number): HostTensor => hostTensor('float32', [largest + 1], poolReciprocals(largest));
const image = (r: Random): HostTensor => randomQTensor(r, [r.int(1, 3), r.int(1, 13), r.int(1, 12), r.int(1, 12)]);
const shapeOfAnyRank = (r: Random): number[] => Array.from({ length: r.int(1, 5) }, () => r.int(1, 6));

/** The tensor's dims in another order over the same storage, as transpose and permute leave it. */
function permuted(r: Random, t: HostTensor): HostTensor {
  const order = t.meta.shape.map((_, d) => d);
  for (let i = order.length - 1; i > 0; i--) { const j = r.int(0, i); [order[i], order[j]] = [order[j]!, order[i]!]; }
  const meta: TensorMeta = { ...t.meta, shape: order.map((d) => t.meta.shape[d]!), strides: order.map((d) => t.meta.strides[d]!) };
  return { meta, data: t.data };
}

const ROUNDINGS = ['zeroPointFirst', 'zeroPointLast'] as const;

function pool(r: Random): Case {
  const x = image(r);
  const kernel = [r.int(1, 4), r.int(1, 4)];
  const sizes = { kernel, stride: [r.int(1, 3), r.int(1, 3)], padding: kernel.map((k) => r.int(0, Math.floor(k / 2))), ceilMode: r.int(0, 1) === 1 };
  const kind = r.pick(['max', 'avg', 'adaptive'] as const);
  // Windows must fit.
  const big = randomQTensor(r, [x.meta.shape[0]!, x.meta.shape[1]!, r.int(8, 14), r.int(8, 14)]);
  if (kind === 'max') return call(qmaxPool2d, [big], { ...sizes, dilation: [r.int(1, 2), r.int(1, 2)] });
  if (kind === 'avg') return call(qavgPool2d, [big, reciprocals(kernel[0]! * kernel[1]!)], { ...sizes, countIncludePad: r.int(0, 1) === 1, rounding: r.pick(ROUNDINGS) });
  const attrs = { outputSize: [r.int(1, 9), r.int(1, 9)] };
  return call(qadaptiveAvgPool2d, [x, reciprocals(largestAdaptiveWindow(x.meta.shape, attrs.outputSize))], { ...attrs, rounding: r.pick(ROUNDINGS) });
}

function binary(r: Random): Case {
  const shape = shapeOfAnyRank(r);
  const drop = (): number[] => shape.map((d) => (r.int(0, 3) === 0 ? 1 : d)).slice(r.int(0, 3) === 0 ? r.int(0, shape.length - 1) : 0);
  const same = r.int(0, 1) === 0;
  const whole = permuted(r, randomQTensor(r, shape));
  const a = same ? whole : randomQTensor(r, drop());
  const b = same ? { meta: { ...whole.meta, dtype: whole.meta.dtype, q: { scheme: 'per_tensor_affine' as const, scale: 0.03, zeroPoint: 5 } }, data: whole.data.slice() } : randomQTensor(r, drop());
  const output = randomQOutput(r, r.int(0, 1) === 1);
  if (r.int(0, 1) === 0) return call(qbinary, [a, b], { op: 'mul', output });
  const metas = [a.meta, b.meta];
  return call(qbinary, [a, b, hostTensor('float32', [2, 256], summandTables(qInput('', metas, 0), qInput('', metas, 1)))], { op: 'add', output });
}

function cat(r: Random): Case {
  const shape = shapeOfAnyRank(r);
  const dim = r.int(0, shape.length - 1);
  const parts = Array.from({ length: r.int(1, 5) }, () => randomQTensor(r, shape.map((d, i) => (i === dim ? r.int(1, 7) : d))));
  const output = randomQOutput(r);
  return call(qcat, [...parts, hostTensor('uint8', [parts.length, 256], catTables(parts.map((p) => p.meta), output))], { dim, output });
}

function norm(r: Random): Case {
  const groups = r.int(1, 3);
  const run = r.pick([1, 1, 4, 9]);
  const channels = r.int(1, 40);
  const x = randomQTensor(r, [groups * r.int(1, 4), channels * run]);
  if (r.int(0, 9) === 0) x.data.fill(x.data[0]!); // no variance at all
  return call(qnorm, [x, floats(r, [groups * channels], -2, 2), floats(r, [groups * channels], -2, 2)], { eps: 1e-5, groups, run, output: randomQOutput(r) });
}

function table(r: Random): Case {
  const x = permuted(r, randomQTensor(r, shapeOfAnyRank(r)));
  const bytes = (n: number): HostTensor => hostTensor('uint8', [n, 256], Array.from({ length: n * 256 }, () => r.next() & 255));
  if (r.int(0, 1) === 0) return call(qtable, [x, bytes(1)], { output: randomQOutput(r) });
  const channelDim = r.int(0, x.meta.shape.length - 1);
  return call(qtable, [x, bytes(x.meta.shape[channelDim]!)], { output: randomQOutput(r), channelDim });
}

/** Random steps on one to four operands, some of them float, some broadcast. */
function pointwise(r: Random): Case {
  const shape = shapeOfAnyRank(r);
  const drop = (): number[] => shape.map((d) => (r.int(0, 3) === 0 ? 1 : d)).slice(r.int(0, 3) === 0 ? r.int(0, shape.length - 1) : 0);
  const flat = r.int(0, 3) === 0;
  const operands = Array.from({ length: r.int(1, 4) }, (_, i) => (i === 0 || r.int(0, 2) > 0
    ? flat ? randomQTensor(r, shape) : permuted(r, randomQTensor(r, drop())) : floats(r, drop(), -3, 3)));
  // Permuted shapes may not broadcast any more: then the first operand alone.
  const fits = operands.filter((t) => t.meta.shape.every((d, k) => d === 1 || d === shape[shape.length - t.meta.shape.length + k]));
  const used = fits.length > 0 ? fits : [randomQTensor(r, shape)];
  const numbers = Array.from({ length: r.int(0, 2) }, () => Math.fround(r.float(-2, 2)));
  const steps: PointwiseStep[] = [];
  let last = 0;
  for (let i = 0; i < r.int(used.length > 1 ? 1 : 0, 5); i++) {
    const known = used.length + numbers.length + i;
    const op = r.pick(['add', 'sub', 'mul', 'relu', 'neg', 'abs'] as const);
    const other = r.int(0, known - 1);
    steps.push({ op, args: op === 'add' || op === 'sub' || op === 'mul' ? [last, other] : [last] });
    last = known;
  }
  const quantized = used.filter((t) => t.meta.q !== undefined).length;
  const tables = floats(r, [quantized, 256], -4, 4);
  return call(qpointwise, [...used, ...(quantized > 0 ? [tables] : [])], { operands: used.length, numbers, steps, output: randomQOutput(r) });
}

function tablePool(r: Random): Case {
  const outputSize = [r.pick([1, 1, 2, 3]), r.pick([1, 1, 2])];
  const x = randomQTensor(r, [r.int(1, 3), r.int(1, 13), outputSize[0]! * r.int(1, 9), outputSize[1]! * r.int(1, 13)]);
  const output = randomQOutput(r, r.int(0, 2) === 0);
  const largest = r.pick([0.001, 1, 30]);
  const table = Float32Array.from({ length: 256 }, () => Math.fround(r.float(-largest, largest) ** r.pick([1, 3])));
  const count = (x.meta.shape[2]! / outputSize[0]!) * (x.meta.shape[3]! / outputSize[1]!);
  const { values, growth } = averageTables(table, count, output)!;
  return call(qtablePool, [x, values, growth], { outputSize, output });
}

function transposed(r: Random): Case {
  const [groups, perGroup, outPerGroup] = [r.pick([1, 1, 2, 5]), r.int(1, 9), r.int(1, 6)];
  const [kH, kW] = [r.int(1, 4), r.int(1, 4)];
  const stride = [r.int(1, 3), r.int(1, 3)];
  const outputPadding = stride.map((s) => r.int(0, s - 1));
  const attrs = { stride, padding: [r.int(0, kH - 1), r.int(0, kW - 1)], outputPadding, dilation: [r.int(1, 2), r.int(1, 2)], groups };
  const x = randomQTensor(r, [r.int(1, 2), groups * perGroup, r.int(5, 7), r.int(5, 7)]);
  const { weight, integers, scales } = randomWeight(r, [groups * outPerGroup, perGroup, kH, kW], r.int(0, 2) > 0);
  const size = (n: number, k: number, d: number): number =>
    (n - 1) * stride[d]! - 2 * attrs.padding[d]! + attrs.dilation[d]! * (k - 1) + outputPadding[d]! + 1;
  const { epilogue, inputs } = randomEpilogue(r, x, scales, [x.meta.shape[0]!, scales.length, size(x.meta.shape[2]!, kH, 0), size(x.meta.shape[3]!, kW, 1)]);
  return call(qconvTranspose2d, [x, weight, integers, ...inputs], { ...attrs, ...epilogue });
}

function upsample(r: Random): Case {
  const x = image(r);
  const attrs = { mode: r.pick(['nearest', 'bilinear'] as const), outputSize: [r.int(1, 20), r.int(1, 20)] };
  const coordinates = sourceCoordinates(x.meta, attrs, r.int(0, 1) === 1, [null, null]);
  return call(qupsample, [x, hostTensor('float32', [coordinates.length], coordinates)], attrs);
}

const CASES: Record<string, [runs: number, make: (r: Random) => Case]> = {
  'quantize': [60, (r) => { const t = permuted(r, floats(r, shapeOfAnyRank(r), -9, 9)); return call(qquantize, [t], randomQOutput(r, r.int(0, 1) === 1)); }],
  'dequantize': [60, (r) => call(qdequantize, [permuted(r, randomQTensor(r, shapeOfAnyRank(r)))], {})],
  'pools': [200, pool],
  'add and mul': [120, binary],
  'cat': [80, cat],
  'norms': [80, norm],
  'tables': [80, table],
  'upsample': [60, upsample],
  'pointwise': [40, pointwise],
  'average of a table': [80, tablePool],
  'transposed convolution': [60, transposed],
};

describe('8-bit operators are bit-identical on cpu and GPU', () => {
  for (const [name, [numRuns, make]] of Object.entries(CASES)) {
    test(name, { timeout: 200_000 }, async (context) => {
      const device = await openTestGpu();
      if (!device) return context.skip();
      await fc.assert(fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
        const { op, inputs, attrs } = make(new Random(seed));
        const want = runReference(op, inputs, attrs as never);
        const got = await runOnDevice(device, op, inputs, attrs as never);
        want.forEach((w, i) => { expectEqual(got[i]!, w); });
      }), { numRuns });
    });
  }
});
