import { describe, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { unary, type UnaryAttrs, type UnaryKind } from './unary.ts';
import { UNARY_TABLE } from './unary-table.ts';

const device = await openTestGpu();

/** Arguments on which a function is real and tame. */
function range(kind: UnaryKind): readonly [number, number] {
  switch (kind) {
    case 'sqrt': case 'rsqrt': case 'log': case 'log2': case 'log10': return [0.01, 50];
    case 'log1p': return [-0.9, 20];
    case 'exp': case 'exp2': case 'expm1': return [-10, 10];
    case 'reciprocal': return [0.1, 20];
    case 'tan': return [-1.4, 1.4];
    case 'sin': case 'cos': return [-200, 200];
    case 'erfinv': return [-0.999, 0.999];
    case 'lgamma': case 'digamma': return [-7.77, 40.1];
    default: return [-12, 12];
  }
}

const variants: UnaryAttrs[] = [
  ...(Object.keys(UNARY_TABLE) as UnaryKind[]).filter((k) => UNARY_TABLE[k].intOnly !== true).map((kind) => ({ kind, params: [] })),
  { kind: 'clamp', params: [-1.25, Infinity] }, { kind: 'clamp', params: [-Infinity, 2] }, { kind: 'clamp', params: [2, -2] },
  { kind: 'leaky_relu', params: [0.3] }, { kind: 'elu', params: [0.7, 1.2, 0.5] }, { kind: 'softplus', params: [2, 5] }, { kind: 'celu', params: [0.4] },
  { kind: 'pow', params: [3] }, { kind: 'pow', params: [5] }, { kind: 'pow', params: [6] }, { kind: 'pow', params: [0] },
];

describe.skipIf(!device)('unary on the GPU', () => {
  it.each(variants)('$kind $params agrees with its reference', async (attrs) => {
    const [low, high] = range(attrs.kind);
    const x = hostTensor('float32', [3, 67], Array.from({ length: 201 }, (_, i) => low + ((high - low) * i) / 200));
    expectClose((await runOnDevice(device!, unary, [x], attrs))[0]!, runReference(unary, [x], attrs)[0]!, { rtol: 2e-5, atol: 1e-6 });
  });

  it.each(['tanh', 'sigmoid', 'gelu', 'gelu_tanh', 'silu', 'mish', 'softplus', 'elu', 'hardswish', 'relu', 'relu6'] as const)('%s stays finite far out', async (kind) => {
    const x = hostTensor('float32', [8], [-3e4, -500, -90, -0, 0, 90, 500, 3e4]);
    const attrs = { kind, params: [] };
    expectClose((await runOnDevice(device!, unary, [x], attrs))[0]!, runReference(unary, [x], attrs)[0]!, { rtol: 1e-5, atol: 1e-6 });
  });

  it.each(['abs', 'neg', 'relu', 'sign', 'square', 'bitwise_not', 'logical_not', 'clamp'] as const)('%s on integers', async (kind) => {
    const x = hostTensor('int32', [7], [-2000000, -3, -1, 0, 1, 5, 40000]);
    const attrs = { kind, params: kind === 'clamp' ? [-2, 4] : [] };
    expectClose((await runOnDevice(device!, unary, [x], attrs))[0]!, runReference(unary, [x], attrs)[0]!, { rtol: 0, atol: 0 });
  });
});
