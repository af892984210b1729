import { makeMeta } from '../layout.ts';
import { defineOp, input, output } from '../op.ts';
import { isFloat, numel, type DType } from '../tensor.ts';
import { wgslType } from '../wgsl.ts';
import { badDType, checkCount, badAttribute, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { UNARY_TABLE, type UnaryKind } from './unary-table.ts';

export type { UnaryKind } from './unary-table.ts';

/**
 * A function of one number. `params` are in the order of the table (unary-table.ts); missing ones take PyTorch's defaults. An open end of
 * clamp is an infinity.
 */
export interface UnaryAttrs {
  readonly kind: UnaryKind;
  readonly params: readonly number[];
}

/** Parameters with the defaults filled in. Throws KERNEL_BAD_ATTRIBUTE for an unknown kind or too many parameters. */
function fullParams(attrs: UnaryAttrs): number[] {
  const entry = Object.hasOwn(UNARY_TABLE, attrs.kind) ? UNARY_TABLE[attrs.kind] : undefined;
  if (!entry) throw badAttribute('unary', `there is no function ${attrs.kind}`);
  if (attrs.params.length > entry.params.length) {
    throw badAttribute('unary', `${attrs.kind} takes ${entry.params.length} parameters, got ${attrs.params.length}`);
  }
  return entry.params.map((p, i) => Math.fround(attrs.params[i] ?? p[1]));
}

/** The function on the host, in double precision: round its result to float32. Parameters are rounded to float32 first, as PyTorch does. */
export function unaryFunction(attrs: UnaryAttrs): (x: number) => number {
  return UNARY_TABLE[attrs.kind].js(fullParams(attrs));
}

/** One value through a unary function, rounded to float32. */
export function applyUnary(kind: UnaryKind, params: readonly number[], x: number): number {
  return Math.fround(unaryFunction({ kind, params })(x));
}

/** WGSL of the function on f32: `helpers` are functions to declare once, `expr` the expression for a simple operand such as a variable. */
export function unaryWgsl(attrs: UnaryAttrs): { helpers: string; expr: (x: string) => string } {
  const entry = UNARY_TABLE[attrs.kind];
  const params = fullParams(attrs);
  const body = entry.wgsl(params);
  const name = `unary_${attrs.kind}`;
  return { helpers: `${entry.helpers ?? ''}fn ${name}(x: f32) -> f32 {\n${body.includes('return') ? body : `  return ${body};`}\n}\n`, expr: (x) => `${name}(${x})` };
}

/** What the WGSL of a unary function depends on, for cache keys; '' for none. */
export function unaryKey(attrs: UnaryAttrs | null | undefined): string {
  return attrs ? `${attrs.kind}(${fullParams(attrs).join(',')})` : '';
}

function resultType(kind: UnaryKind, dtype: DType): DType {
  return UNARY_TABLE[kind].bool ? 'bool' : dtype;
}

/**
 * Elementwise function of one tensor. Floats in, floats out; the integer kinds (abs, neg, relu, sign, square, clamp, bitwise_not and the
 * roundings) take int and bool tensors too; logical_not and isnan give bool.
 */
export const unary = defineOp<UnaryAttrs>({
  name: 'unary',
  infer(inputs, attrs) {
    checkCount('unary', inputs, 1);
    const x = wordInput('unary', inputs, 0);
    fullParams(attrs);
    const entry = UNARY_TABLE[attrs.kind];
    if (!isFloat(x.dtype) && !entry.int) throw badDType('unary', `${attrs.kind} needs a float tensor, got ${x.dtype}`);
    if (isFloat(x.dtype) && entry.intOnly) throw badDType('unary', `${attrs.kind} needs an int or bool tensor, got ${x.dtype}`);
    return [makeMeta(resultType(attrs.kind, x.dtype), x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const y = outputs[0]!.data;
    const f = attrs.kind === 'bitwise_not' && x.meta.dtype === 'bool' ? (v: number) => (v === 0 ? 1 : 0) : unaryFunction(attrs);
    const n = numel(x.meta.shape);
    for (let i = 0; i < n; i++) y[i] = f(x.data[i]!);
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const y = outputs[0]!;
    const n = numel(x.shape);
    if (n === 0) return [];
    const float = isFloat(x.dtype);
    return [flatProgram({
      label: `unary.${attrs.kind}`,
      variant: `${x.dtype},${unaryKey(attrs)}`,
      bindings: [{ name: 'x', type: wgslType(x.dtype), buffer: input(0) }, { name: 'y', type: wgslType(y.dtype), buffer: output(0) }],
      invocations: n,
      helpers: () => (float ? unaryWgsl(attrs).helpers : ''),
      body: () => {
        if (float) return `  y[i] = ${y.dtype === 'bool' ? 'i32(' : '('}${unaryWgsl(attrs).expr('x[i]')});`;
        const kind = attrs.kind === 'bitwise_not' && x.dtype === 'bool' ? 'logical_not' : attrs.kind;
        return `  let x0 = x[i];\n  y[i] = ${UNARY_TABLE[kind].int!(fullParams(attrs))};`;
      },
    })];
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});
