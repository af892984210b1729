import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../device/cpu.ts';
import type { Tensor } from '../device/device.ts';
import { hashFill } from '../hashFill.ts';
import { hostTensor } from '../layout.ts';
import type { KernelOp } from '../op.ts';
import { numel, type HostTensor } from '../tensor.ts';
import { expectClose, expectEqual, runHostKernel, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { attention } from './attention.ts';
import { avgPool2d } from './avg_pool2d.ts';
import { batchNorm } from './batch_norm.ts';
import { conv2d } from './conv2d.ts';
import { convCases } from './conv2d.cases.ts';
import { groupNorm } from './group_norm.ts';
import { layerNorm } from './layer_norm.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';
import { qconv2d } from './qconv2d.ts';
import { randomConv } from './qconv2d.cases.ts';
import { qlinear } from './qlinear.ts';
import { randomLinear } from './qlinear.cases.ts';
import { reduce } from './reduce.ts';
import { softmax } from './softmax.ts';
import { unary } from './unary.ts';

const TOLERANCE = { rtol: 1e-5, atol: 2e-5 };

/** Random cases; the host kernel may leave up to half of them to the reference, saying so. */
function compareAll<T>(cases: fc.Arbitrary<T>, run: (c: T) => { got: HostTensor[] | null; want: HostTensor[] },
  compare: (got: HostTensor, want: HostTensor) => void): void {
  let taken = 0;
  fc.assert(fc.property(cases, (c) => {
    const { got, want } = run(c);
    if (!got) return;
    taken++;
    got.forEach((t, i) => { compare(t, want[i]!); });
  }), { numRuns: 200 });
  expect(taken).toBeGreaterThan(100);
}

describe('kernels for the host agree with the references', () => {
  it('conv2d', () => {
    compareAll(convCases, (c) => ({ got: runHostKernel(conv2d, c.inputs, c.attrs), want: runReference(conv2d, c.inputs, c.attrs) }),
      (got, want) => { expectClose(got, want, TOLERANCE); });
  });

  it('linear, over row blocks and chains of sums', () => {
    const cases = fc.record({ rows: fc.integer({ min: 4, max: 40 }), n: fc.integer({ min: 1, max: 40 }), k: fc.integer({ min: 1, max: 500 }),
      bias: fc.boolean(), add: fc.boolean(), relu: fc.boolean(), seed: fc.nat(1000) });
    compareAll(cases, (c) => {
      const inputs = [randomTensor([c.rows, c.k], c.seed), randomTensor([c.n, c.k], c.seed + 1), ...(c.bias ? [randomTensor([c.n], c.seed + 2)] : []),
        ...(c.add ? [randomTensor([c.rows, c.n], c.seed + 3)] : [])];
      const attrs = { add: c.add, activation: c.relu ? { kind: 'relu' as const, params: [] } : null };
      return { got: runHostKernel(linear, inputs, attrs), want: runReference(linear, inputs, attrs) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 1e-4 }); });
  });

  it('linear, of a few rows and with k in parts', () => {
    const cases = fc.record({ rows: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 90, max: 140 })), n: fc.integer({ min: 1, max: 110 }),
      k: fc.integer({ min: 380, max: 1600 }), bias: fc.boolean(), seed: fc.nat(1000) });
    compareAll(cases, (c) => {
      const inputs = [randomTensor([c.rows, c.k], c.seed), randomTensor([c.n, c.k], c.seed + 1), ...(c.bias ? [randomTensor([c.n], c.seed + 2)] : [])];
      return { got: runHostKernel(linear, inputs, {}), want: runReference(linear, inputs, {}) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 3e-4 }); });
  });

  it('layer_norm, group_norm and softmax', () => {
    const cases = fc.record({ rows: fc.integer({ min: 1, max: 6 }), length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1200 })),
      affine: fc.integer({ min: 0, max: 2 }), seed: fc.nat(1000) });
    compareAll(cases, (c) => {
      const affine = (n: number): HostTensor[] => [1, 2].slice(0, c.affine).map((i) => randomTensor([n], c.seed + i));
      const layer = [randomTensor([c.rows, c.length], c.seed), ...affine(c.length)];
      const group = [randomTensor([c.rows, 6, c.length], c.seed), ...affine(6)];
      const run = (kernel: typeof runReference): HostTensor[] => [...kernel(layerNorm, layer, { normalizedShape: [c.length], eps: 1e-3 }),
        ...kernel(groupNorm, group, { numGroups: 3, eps: 1e-3 }), ...kernel(softmax, [layer[0]!], { dim: 1 })];
      return { got: run((...call) => runHostKernel(...call)!), want: run(runReference) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 1e-4 }); });
  });

  it('attention, with masks, causal, and more keys than are taken at once', () => {
    const cases = fc.record({ l: fc.integer({ min: 1, max: 40 }), s: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 600 })),
      e: fc.integer({ min: 1, max: 20 }), mask: fc.constantFrom('none', 'causal', 'added', 'hides'), seed: fc.nat(1000) });
    compareAll(cases, (c) => {
      const inputs = [randomTensor([1, 2, c.l, c.e], c.seed), randomTensor([1, 2, c.s, c.e], c.seed + 1), randomTensor([1, 2, c.s, c.e], c.seed + 2)];
      const mask = randomTensor([c.l, c.s], c.seed + 3);
      if (c.mask === 'hides') mask.data.forEach((v, i) => { mask.data[i] = v > 0 || i < c.s ? -Infinity : 0; });
      if (c.mask === 'hides' || c.mask === 'added') inputs.push(mask);
      const attrs = { isCausal: c.mask === 'causal', scale: null };
      return { got: runHostKernel(attention, inputs, attrs), want: runReference(attention, inputs, attrs) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 1e-4 }); });
  });

  it('matmul, with batches that broadcast', () => {
    const size = fc.integer({ min: 4, max: 20 });
    const batch = fc.constantFrom<[number[], number[]]>([[], []], [[3], [3]], [[2, 1], [3]], [[1], [2, 2]]);
    compareAll(fc.record({ m: size, n: size, k: fc.integer({ min: 1, max: 300 }), batch, seed: fc.nat(1000) }), (c) => {
      const inputs = [randomTensor([...c.batch[0], c.m, c.k], c.seed), randomTensor([...c.batch[1], c.k, c.n], c.seed + 1)];
      return { got: runHostKernel(matmul, inputs, {}), want: runReference(matmul, inputs, {}) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 1e-4 }); });
  });

  it('sum and mean over any dimensions', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
    const cases = fc.record({ shape, first: fc.nat(2), count: fc.integer({ min: 1, max: 3 }), mean: fc.boolean(), seed: fc.nat(1000) });
    compareAll(cases, (c) => {
      const dims = c.shape.map((_, d) => d).filter((d) => d >= c.first && d < c.first + c.count);
      const attrs = { kind: c.mean ? 'mean' as const : 'sum' as const, dims: dims.length > 0 ? dims : [0], keepdim: false };
      const inputs = [randomTensor(c.shape, c.seed)];
      return { got: runHostKernel(reduce, inputs, attrs), want: runReference(reduce, inputs, attrs) };
    }, (got, want) => { expectClose(got, want, { rtol: 1e-4, atol: 1e-4 }); });
  });

  it('qconv2d, bit for bit', () => {
    compareAll(fc.integer({ min: 1 }), (seed) => {
      const { inputs, attrs } = randomConv(seed);
      return { got: runHostKernel(qconv2d, inputs, attrs), want: runReference(qconv2d, inputs, attrs) };
    }, expectEqual);
  });

  it('qlinear, bit for bit', () => {
    compareAll(fc.integer({ min: 1 }), (seed) => {
      const { inputs, attrs } = randomLinear(seed);
      return { got: runHostKernel(qlinear, inputs, attrs), want: runReference(qlinear, inputs, attrs) };
    }, expectEqual);
  });
});

interface BitsCase {
  readonly op: 'conv2d' | 'linear' | 'mean' | 'batch_norm' | 'avg_pool2d' | 'sigmoid' | 'silu' | 'hardswish' | 'hardsigmoid'
    | 'gelu' | 'matmul' | 'layer_norm' | 'group_norm' | 'softmax' | 'attention';
  readonly x: number[]; readonly weight?: number[]; readonly dims?: number[];
  readonly stride?: number; readonly padding?: number; readonly groups?: number; readonly causal?: boolean; readonly sha256: string;
}
const { cases } = JSON.parse(readFileSync(new URL('../testdata/sum_order_cases.json', import.meta.url), 'utf8')) as { cases: BitsCase[] };
const fill = (seed: number, shape: readonly number[]): HostTensor => hostTensor('float32', shape, hashFill(seed, shape.reduce((a, b) => a * b, 1), -1, 1));
const times = (t: HostTensor, c: number): HostTensor => ({ ...t, data: (t.data as Float32Array).map((v) => v * c) });
const plus = (t: HostTensor, c: number): HostTensor => ({ ...t, data: (t.data as Float32Array).map((v) => v + c) });

function computed(c: BitsCase): Promise<HostTensor> {
  const device = new CpuDevice();
  const run = <A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): Tensor => device.run(op, inputs.map((t) => device.upload(t)), attrs)[0]!;
  const pair = (v: number): number[] => [v, v];
  const x = fill(1, c.x);
  const channel = (seed: number): HostTensor => fill(seed, [c.x[1]!]);
  const y = ((): Tensor => {
    switch (c.op) {
      case 'linear': return run(linear, [x, fill(2, c.weight!), fill(3, c.weight!.slice(0, 1))], {});
      case 'conv2d': return run(conv2d, [x, fill(2, c.weight!), fill(3, c.weight!.slice(0, 1))],
        { stride: pair(c.stride!), padding: pair(c.padding!), dilation: [1, 1], groups: c.groups! });
      case 'matmul': return run(matmul, [x, fill(2, c.weight!)], {});
      case 'layer_norm': return run(layerNorm, [times(x, 3), fill(2, c.x.slice(-1)), fill(3, c.x.slice(-1))], { normalizedShape: c.x.slice(-1), eps: 1e-5 });
      case 'group_norm': return run(groupNorm, [times(x, 3), channel(2), channel(3)], { numGroups: 4, eps: 1e-5 });
      case 'attention': return run(attention, [times(x, 3), times(fill(2, c.weight!), 3), fill(3, c.weight!)], { isCausal: c.causal!, scale: null });
      case 'softmax': return run(softmax, [times(x, 4)], { dim: -1 });
      case 'mean': return run(reduce, [x], { kind: 'mean', dims: c.dims!, keepdim: false });
      case 'batch_norm': return run(batchNorm, [x, channel(4), plus(channel(5), 2), channel(2), channel(3)], { eps: 1e-5 });
      case 'avg_pool2d': return run(avgPool2d, [x], { kernelSize: pair(3), stride: pair(2), padding: pair(1), ceilMode: false, countIncludePad: true, divisorOverride: null });
      default: return run(unary, [times(x, 8)], { kind: c.op, params: [] });
    }
  })();
  return device.download(y);
}

describe('floats on the cpu device have the bits of PyTorch on x86 with AVX-512', () => {
  it.each(cases.map((c) => [`${c.op} ${Object.entries(c).filter(([k]) => k !== 'op' && k !== 'sha256').map(([k, v]) => `${k} ${String(v)}`).join(' ')}`, c] as const))(
    '%s', async (_, c) => {
      const { data, meta } = await computed(c);
      expect(createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, 4 * numel(meta.shape))).digest('hex')).toBe(c.sha256);
    });
});
