import type { Value } from '../../ir/graph.ts';
import { T, type Type } from '../../ir/types.ts';
import type { GraphBuilder } from './builder.ts';
import type { Arg, ExportNode } from './program.ts';

/** What a rewrite may ask of the program. */
export interface ProgramFacts {
  /** Whether anything reads a value. */
  isRead(name: string): boolean;
  /** The node that makes a value. */
  producer(name: string): ExportNode | undefined;
  /** Sizes of a parameter, buffer or constant; undefined for other values. */
  attributeShape(name: string): readonly number[] | undefined;
}

/** An operator call: its named arguments, those that stay at their defaults left out. */
export interface Call { readonly op: string; readonly overload: string; readonly args: ReadonlyMap<string, Arg> }

type Given = ReadonlyMap<string, Arg>;
type Rewrite = (args: Given, node: ExportNode, facts: ProgramFacts) => Call | null;

const bool = (value: boolean): Arg => ({ kind: 'constant', value, type: T.bool });

/** A call of another operator: `names` maps its arguments to those given, and `more` adds some. */
const call = (op: string, overload: string, names: Readonly<Record<string, string>>, more: Readonly<Record<string, Arg>> = {}): Rewrite => (args) => {
  const out = new Map<string, Arg>(Object.entries(more));
  for (const [to, from] of Object.entries(names)) {
    const arg = args.get(from);
    if (arg) out.set(to, arg);
  }
  return { op, overload, args: out };
};

const same = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((n) => [n, n]));

/** The rewrite holds only where nobody reads the results after the first: statistics for training, indices. */
const firstOnly = (rewrite: Rewrite): Rewrite => (args, node, facts) =>
  (node.outputs.slice(1).some((o) => o.kind === 'name' && facts.isRead(o.name)) ? null : rewrite(args, node, facts));

const NORM = same('input', 'weight', 'bias', 'running_mean', 'running_var', 'momentum', 'eps');
const evalNorm = firstOnly(call('aten::batch_norm', '', NORM, { training: bool(false), cudnn_enabled: bool(true) }));
const isFalse = (arg: Arg | undefined): boolean => arg?.kind === 'constant' && arg.value === false;
const attention = (...names: string[]): Record<string, string> => same('query', 'key', 'value', 'dropout_p', 'is_causal', 'scale', ...names);

/**
 * Operators that PyTorch's decompositions leave (core ATen), as the operator of the layer that they came from: the quantization of both modes and the
 * fusions know the layer's. Each does the same to the last bit.
 */
const REWRITES: Readonly<Record<string, Rewrite>> = {
  'aten::_native_batch_norm_legit_no_training': evalNorm,
  'aten::_native_batch_norm_legit': (args, node, facts) => (isFalse(args.get('training')) ? evalNorm(args, node, facts) : null),
  'aten::native_batch_norm': (args, node, facts) => (isFalse(args.get('training')) ? evalNorm(args, node, facts) : null),
  'aten::native_layer_norm': firstOnly(call('aten::layer_norm', '', same('input', 'normalized_shape', 'weight', 'bias', 'eps'))),
  'aten::native_group_norm': firstOnly(call('aten::group_norm', '', { ...same('input', 'weight', 'bias', 'eps'), num_groups: 'group' })),
  'aten::native_dropout': firstOnly(call('aten::dropout', '', same('input', 'p', 'train'))),
  'aten::max_pool2d_with_indices': firstOnly(call('aten::max_pool2d', '', same('self', 'kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode'))),
  'aten::_adaptive_avg_pool2d': call('aten::adaptive_avg_pool2d', '', same('self', 'output_size')),
  'aten::_softmax': call('aten::softmax', 'int', same('self', 'dim')),
  'aten::_log_softmax': call('aten::log_softmax', 'int', same('self', 'dim')),
  'aten::_scaled_dot_product_flash_attention_for_cpu': firstOnly(call('aten::scaled_dot_product_attention', '', attention('attn_mask'))),
  'aten::_scaled_dot_product_flash_attention': firstOnly(call('aten::scaled_dot_product_attention', '', attention())),
  'aten::_scaled_dot_product_efficient_attention': firstOnly(call('aten::scaled_dot_product_attention', '', { ...attention(), attn_mask: 'attn_bias' })),
  'aten::addmm': (args, _node, facts) => {
    const bias = args.get('self');
    const plain = !args.has('beta') && !args.has('alpha');
    const oneRow = bias?.kind === 'name' && facts.attributeShape(bias.name)?.length === 1;
    return plain && oneRow ? linear(args.get('mat1'), args.get('mat2'), bias, facts) : null;
  },
  'aten::mm': (args, _node, facts) => linear(args.get('self'), args.get('mat2'), null, facts),
};

/** `x @ w.T + bias` for a stored w. */
function linear(x: Arg | undefined, transposed: Arg | undefined, bias: Arg | null, facts: ProgramFacts): Call | null {
  if (!x || transposed?.kind !== 'name') return null;
  const made = facts.producer(transposed.name);
  const weight = made?.inputs.find((i) => i.name === 'self')?.arg;
  if (!made || weight?.kind !== 'name' || facts.attributeShape(weight.name)?.length !== 2 || !swapsTwo(made)) return null;
  return { op: 'aten::linear', overload: '', args: new Map<string, Arg>([['input', x], ['weight', weight], ...(bias ? [['bias', bias] as const] : [])]) };
}

/** Whether a node transposes a matrix. */
function swapsTwo(node: ExportNode): boolean {
  const numbers = (name: string): string => {
    const arg = node.inputs.find((i) => i.name === name)?.arg;
    return arg?.kind === 'list' ? arg.items.map((i) => (i.kind === 'constant' ? String(i.value) : '?')).join() : arg?.kind === 'constant' ? String(arg.value) : '';
  };
  switch (node.target) {
    case 'torch.ops.aten.t.default': return true;
    case 'torch.ops.aten.permute.default': return numbers('dims') === '1,0';
    case 'torch.ops.aten.transpose.int': return ['0,1', '1,0', '-1,-2', '-2,-1'].includes(`${numbers('dim0')},${numbers('dim1')}`);
    default: return false;
  }
}

/** The layer's operator for a decomposed one, or null. */
export function recompose(op: string, node: ExportNode, facts: ProgramFacts): Call | null {
  const rewrite = Object.hasOwn(REWRITES, op) ? REWRITES[op] : undefined;
  return rewrite ? rewrite(new Map(node.inputs.map((i) => [i.name, i.arg])), node, facts) : null;
}

/** c10's numbers of the 8-bit types, and of the quantized type with the same storage. */
const QUANTIZED: Readonly<Record<number, { readonly type: number; readonly min: number; readonly max: number }>> = {
  0: { type: 13, min: 0, max: 255 }, 1: { type: 12, min: -128, max: 127 },
};
const FLOAT32 = 6;

/**
 * The operators of torch.ao's PT2E quantization, which hold quantized values in plain integer tensors, as those of quantized tensors. Returns false where
 * the form is not known.
 */
export function lowerQuantizedDecomposed(b: GraphBuilder, node: ExportNode, op: string, facts: ProgramFacts): boolean {
  const args = new Map(node.inputs.map((i) => [i.name, i.arg]));
  const output = node.outputs[0];
  const input = args.get('input');
  if (output?.kind !== 'name' || !input) return false;
  const number = (name: string): number | null => {
    const arg = args.get(name);
    return arg?.kind === 'constant' && typeof arg.value === 'number' ? arg.value : null;
  };
  const value = (name: string): Value => b.argument(args.get(name)!);
  const float = (v: number): Value => b.constant(v, T.float);
  const int = (v: number): Value => b.constant(v, T.int);
  const one = (kind: string, inputs: readonly Value[], type: Type = T.tensor): Value => b.emit(kind, inputs, [type]).output;
  const [scale, zeroPoint, low, high] = [number('scale'), number('zero_point'), number('quant_min'), number('quant_max')];
  const toFloat = (x: Value): Value => one('aten::to', [x, int(FLOAT32), b.constant(false, T.bool), b.constant(false, T.bool), b.constant(null, T.none)]);
  switch (op) {
    case 'quantized_decomposed::quantize_per_tensor': {
      const kind = QUANTIZED[number('dtype') ?? -1];
      if (!kind || scale === null || zeroPoint === null || low === null || high === null) return false;
      let x = value('input');
      // A narrower range than the type's clips earlier.
      if (low > kind.min || high < kind.max) x = one('aten::clamp', [x, float((low - zeroPoint) * scale), float((high - zeroPoint) * scale)]);
      b.define(output.name, one('aten::quantize_per_tensor', [x, float(scale), int(zeroPoint), int(kind.type)]));
      return true;
    }
    case 'quantized_decomposed::dequantize_per_tensor': {
      const made = input.kind === 'name' ? facts.producer(input.name) : undefined;
      if (made?.target.includes('quantized_decomposed.quantize_per_tensor')) {
        b.define(output.name, one('aten::dequantize', [value('input')]));
        return true;
      }
      if (scale === null || zeroPoint === null) return false;
      const centred = one('aten::sub', [toFloat(value('input')), float(zeroPoint), int(1)]);
      b.define(output.name, one('aten::mul', [centred, float(scale)]));
      return true;
    }
    case 'quantized_decomposed::dequantize_per_channel': {
      const axis = number('axis');
      const rank = input.kind === 'name' ? facts.attributeShape(input.name)?.length : undefined;
      if (axis === null || rank === undefined) return false;
      const alongAxis = (x: Value): Value => one('aten::reshape', [x, b.list(Array.from({ length: rank }, (_, d) => int(d === axis ? -1 : 1)), T.int)]);
      const x = toFloat(value('input'));
      const zeros = args.get('zero_points');
      const centred = zeros?.kind === 'name' ? one('aten::sub', [x, alongAxis(toFloat(value('zero_points'))), int(1)]) : x;
      b.define(output.name, one('aten::mul', [centred, alongAxis(toFloat(value('scales')))]));
      return true;
    }
    default: return false;
  }
}
