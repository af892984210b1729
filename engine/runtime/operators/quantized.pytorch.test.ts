/** Quantized operators against what PyTorch computed on its x86 engine: kernels/testdata/make_int8_cases.py wrote the cases. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import type { DType, HostTensor, QParams } from '../../../kernels/tensor.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import { T } from '../../ir/types.ts';
import { EagerContext } from '../eagerContext.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { runOperator } from './index.ts';

interface CaseTensor {
  dtype: DType; shape: number[]; values: number[]; scale?: number; zeroPoint?: number; scales?: number[]; zeroPoints?: number[]; axis?: number;
}
interface Arguments {
  stride: number[]; padding: number[]; dilation: number[]; groups: number; scale: number; zeroPoint: number; scalar: number; kernel: number[]; ceil: boolean;
  countIncludePad: boolean; size: number[]; dims: number[]; keepdim: boolean; alignCorners: boolean; min: number; max: number; alpha: number;
  slope: number; eps: number; dim: number; dtype: DType;
}
interface Case { op: string; inputs: (CaseTensor | null)[]; args: Arguments; result: CaseTensor }
const { cases } = JSON.parse(readFileSync(new URL('../../../kernels/testdata/int8_cases.json', import.meta.url), 'utf8')) as { cases: Case[] };

const device = new CpuDevice();
const ctx = new EagerContext(device);

function hostOf(t: CaseTensor): HostTensor {
  let q: QParams | undefined;
  if (t.scale !== undefined) q = { scheme: 'per_tensor_affine', scale: t.scale, zeroPoint: t.zeroPoint! };
  else if (t.scales) q = { scheme: 'per_channel_affine', scales: t.scales, zeroPoints: t.zeroPoints!, axis: t.axis! };
  return hostTensor(t.dtype, t.shape, t.values, q);
}

function packed(op: PackedParams['op'], weight: CaseTensor, bias: CaseTensor | null, a: Arguments): PackedParams {
  return {
    kind: 'PackedParams', op, weight: TensorData.of(hostOf(weight)), bias: bias && TensorData.of(hostOf(bias)),
    stride: a.stride ?? [], padding: a.padding ?? [], dilation: a.dilation ?? [], outputPadding: [0, 0], groups: a.groups ?? 1,
  };
}

/** The node that does what the case did: kind and arguments. */
function nodeOf(c: Case): [string, RuntimeValue[]] {
  const a = c.args;
  const [x, second, third] = c.inputs;
  const tensors = (c.op.startsWith('conv') || c.op.startsWith('linear') ? [x] : c.inputs).map((t) => (t ? device.upload(hostOf(t)) : null));
  const [t, ...rest] = tensors as [RuntimeValue, ...RuntimeValue[]];
  const out: RuntimeValue[] = [a.scale, a.zeroPoint];
  switch (c.op) {
    case 'conv2d': case 'conv2d_relu': return [`quantized::${c.op}`, [t, packed('Conv2d', second!, third ?? null, a), ...out]];
    case 'linear': case 'linear_relu': return [`quantized::${c.op}`, [t, packed('Linear', second!, third ?? null, a), ...out]];
    case 'add': case 'add_relu': case 'mul': case 'mul_relu': return [`quantized::${c.op}`, [t, ...rest, ...out]];
    case 'add_scalar': case 'add_scalar_relu': case 'mul_scalar': case 'mul_scalar_relu':
      return [`quantized::${c.op}`, rest.length > 0 ? [t, ...rest] : [t, a.scalar]];
    case 'max_pool2d': return ['aten::max_pool2d', [t, a.kernel, a.stride, a.padding, a.dilation, a.ceil]];
    case 'avg_pool2d': return ['aten::avg_pool2d', [t, a.kernel, a.stride, a.padding, a.ceil, a.countIncludePad, null]];
    case 'adaptive_avg_pool2d': return ['aten::adaptive_avg_pool2d', [t, a.size]];
    case 'mean': return ['aten::mean', [t, a.dims, a.keepdim, null]];
    case 'upsample_nearest2d': return ['aten::upsample_nearest2d', [t, a.size, null, null]];
    case 'upsample_bilinear2d': return ['aten::upsample_bilinear2d', [t, a.size, a.alignCorners, null, null]];
    case 'relu6': return ['quantized::relu6', [t, false]];
    case 'hardtanh': case 'clamp': return [`aten::${c.op}`, [t, a.min, a.max]];
    case 'hardswish': return ['quantized::hardswish', [t, ...out]];
    case 'elu': return ['quantized::elu', [t, ...out, a.alpha, 1, 1]];
    case 'leaky_relu': return ['quantized::leaky_relu', [t, a.slope, false, ...out]];
    case 'leaky_relu_keep': return ['aten::leaky_relu', [t, a.slope]];
    case 'gelu': return ['aten::gelu', [t, 'none']];
    case 'layer_norm': return ['quantized::layer_norm', [t, [x!.shape.at(-1)!], ...rest, a.eps, ...out]];
    case 'group_norm': return ['quantized::group_norm', [t, a.groups, ...rest, a.eps, ...out]];
    case 'instance_norm': case 'batch_norm2d': return [`quantized::${c.op}`, [t, ...rest, a.eps, ...out]];
    case 'cat': return ['quantized::cat', [[t, ...rest], a.dim, ...out]];
    case 'quantize': return ['aten::quantize_per_tensor', [t, a.scale, a.zeroPoint, a.dtype === 'quint8' ? 13 : 12]];
    default: return [`aten::${c.op}`, [t]];
  }
}

/**
 * Where floats lie between (norms, functions, interpolation, means of uneven windows), a near tie may fall the other way. PyTorch itself rounds
 * the last elements of a row by a scalar loop that differs from its vector loop; `add` shows it on 21 elements.
 */
const ONE_STEP = new Set([
  'layer_norm', 'group_norm', 'instance_norm', 'batch_norm2d', 'upsample_bilinear2d', 'gelu', 'mean', 'leaky_relu', 'leaky_relu_keep', 'elu', 'tanh', 'sigmoid',
  'hardswish', 'add',
]);

describe('quantized operators against PyTorch', () => {
  test.each([...new Set(cases.map((c) => c.op))])('%s', async (op) => {
    for (const [i, c] of cases.filter((k) => k.op === op).entries()) {
      const [kind, args] = nodeOf(c);
      // Types choose between the overloads that take a number and a tensor.
      const inputTypes = args.every((v) => isTensor(v)) ? args.map(() => T.tensor) : [];
      const info = { kind, inputTypes, outputTypes: [] };
      ctx.node = info;
      const result = await runOperator(ctx, info, args);
      if (!isTensor(result)) throw new Error('not a tensor');
      const host = await ctx.read(result);
      const got = toRowMajor(host);
      const where = `${op} case ${i} ${JSON.stringify(c.args)}`;
      expect(host.meta.shape, where).toEqual(c.result.shape);
      if (c.result.scale !== undefined) {
        const q = host.meta.q as { scale: number; zeroPoint: number };
        expect([Math.fround(q.scale), q.zeroPoint], where).toEqual([Math.fround(c.result.scale), c.result.zeroPoint]);
      }
      const differing = c.result.values.filter((v, k) => v !== got[k]).length;
      const steps = Math.max(0, ...c.result.values.map((v, k) => Math.abs(v - got[k]!)));
      if (op === 'dequantize') expect(steps, where).toBeLessThan(1e-6);
      else {
        expect(steps, where).toBeLessThanOrEqual(ONE_STEP.has(op) ? 1 : 0);
        expect(differing, where).toBeLessThanOrEqual(Math.ceil(0.02 * got.length));
      }
    }
  });
});
