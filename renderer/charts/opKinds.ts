/** Ops in a handful of kinds, for the bars of Compare. Pure. */
import type { OpTiming } from '../../main/contract/api.ts';

export const OP_KINDS = ['conv', 'linear', 'attention', 'norm', 'activation', 'pool', 'join', 'quantize', 'other'] as const;
export type OpKind = (typeof OP_KINDS)[number];

/** First match wins: `quantized::conv2d_add_relu` is a conv, `aten::add_relu` a join. */
const PATTERNS: readonly [OpKind, RegExp][] = [
  ['quantize', /::(de)?quantize(_|$)|::(int_repr|_to_copy)/],
  ['conv', /conv/],
  ['attention', /attention|softmax|bmm|matmul/],
  ['linear', /linear|addmm|::mm\b/],
  ['norm', /norm/],
  ['pool', /pool|::mean/],
  ['join', /::(add|sub|mul|div|cat|stack)/],
  ['activation', /relu|hardtanh|sigmoid|tanh|gelu|silu|mish|swish|elu|::(abs|sqrt|square|exp|log|pow|clamp)/],
];

export function opKind(op: string): OpKind {
  return PATTERNS.find(([, pattern]) => pattern.test(op))?.[0] ?? 'other';
}

/** Microseconds by kind, kinds in fixed order, those without time left out. */
export function timeByKind(timings: readonly OpTiming[]): { kind: OpKind; us: number; ops: number }[] {
  const sums = new Map<OpKind, { us: number; ops: number }>();
  for (const t of timings) {
    const kind = opKind(t.op);
    const sum = sums.get(kind) ?? { us: 0, ops: 0 };
    sum.us += Number.isFinite(t.us) ? t.us : 0;
    sum.ops++;
    sums.set(kind, sum);
  }
  return OP_KINDS.flatMap((kind) => {
    const sum = sums.get(kind);
    return sum && sum.us > 0 ? [{ kind, ...sum }] : [];
  });
}
