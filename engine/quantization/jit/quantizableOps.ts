import { TensorData, type Constant } from '../../ir/constant.ts';
import type { Node, Use, Value } from '../../ir/graph.ts';
import { Node as GraphNode } from '../../ir/graph.ts';
import { calledFunction } from '../../passes/inline.ts';
import { constantOf } from '../../passes/nodes.ts';

/**
 * Which ops scripted mode quantizes, and how the rest let quantized tensors through: the tables of PyTorch's torch/csrc/jit/passes/quantization/helper.cpp.
 * `prim::CallFunction`s are the functions of torch.nn.functional, known by the last part of their name.
 */

/** Functions whose inputs and output are observed. */
const QUANTIZABLE_FUNCTIONS = names('conv2d linear batch_norm hardswish elu celu layer_norm group_norm instance_norm embedding_bag');
const QUANTIZABLE_OPS = names(`conv1d conv2d conv3d conv_transpose1d conv_transpose2d linear hardswish hardswish_ elu elu_ celu celu_ batch_norm
  layer_norm group_norm instance_norm embedding_bag`);

/** One tensor in; the result depends on shapes only, or is a value of the input: it keeps the input's qparams, and runs on the quantized tensor. */
const SHAPE_FUNCTIONS = names('_max_pool1d _max_pool2d _max_pool3d dropout relu');
const SHAPE_OPS = names(`max_pool1d max_pool2d max_pool3d flatten max min dropout reshape resize_ chunk view transpose contiguous permute repeat
  repeat_interleave relu relu_ squeeze squeeze_ unsqueeze unsqueeze_ detach detach_ stack __getitem__`);

/** One tensor in; new values, but within the input's range: requantized with the input's qparams. */
const VALUE_FUNCTIONS = names(`avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d interpolate upsample
  upsample_bilinear upsample_nearest hardtanh leaky_relu`);
const VALUE_OPS = names(`avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d mean upsample_nearest1d
  upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d clamp hardtanh hardtanh_
  leaky_relu leaky_relu_`);

const TENSOR_INFO_OPS = names('size len dim numel');
const PROPAGATE_SINGLE_OPS = names('cat');
const PROPAGATE_BINARY_OPS = names('add add_ mul mul_');

/** Qparams that an op always has, since its range is known. torch.quint8 for both. */
export interface FixedQParams { readonly scale: number; readonly zeroPoint: number }

const ZERO_TO_ONE: FixedQParams = { scale: 1 / 256, zeroPoint: 0 };
const MINUS_ONE_TO_ONE: FixedQParams = { scale: 2 / 256, zeroPoint: 128 };
const FIXED_QPARAMS: ReadonlyMap<string, FixedQParams> = new Map([
  ['hardsigmoid', ZERO_TO_ONE], ['hardsigmoid_', ZERO_TO_ONE], ['sigmoid', ZERO_TO_ONE], ['sigmoid_', ZERO_TO_ONE],
  ['tanh', MINUS_ONE_TO_ONE], ['tanh_', MINUS_ONE_TO_ONE],
]);

function names(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/));
}

/** `relu` of aten::relu; undefined for other namespaces. */
export function atenName(n: Node): string | undefined {
  return n.kind.startsWith('aten::') ? n.kind.slice('aten::'.length) : undefined;
}

/** `relu` of a prim::CallFunction of torch.nn.functional.relu; undefined for any other node. */
export function functionName(n: Node): string | undefined {
  if (n.kind !== 'prim::CallFunction') return undefined;
  const name = n.attributes.get('name') ?? n.inputs[0]?.node?.attributes.get('name') ?? calledFunction(n)?.name;
  return typeof name === 'string' ? name.slice(name.lastIndexOf('.') + 1) : undefined;
}

const isAten = (n: Node, set: ReadonlySet<string>): boolean => set.has(atenName(n) ?? '');
const isFunction = (n: Node, set: ReadonlySet<string>): boolean => set.has(functionName(n) ?? '');

/** Its inputs and its output are observed. */
export function isQuantizable(n: Node): boolean {
  return isAten(n, QUANTIZABLE_OPS) || isFunction(n, QUANTIZABLE_FUNCTIONS);
}

/** Whether this use wants its value observed. Of functional batch_norm only the input counts. */
export function isUseQuantizable(use: Use): boolean {
  if (!(use.user instanceof GraphNode)) return false;
  if (functionName(use.user) === 'batch_norm') return use.index === 1;
  return isQuantizable(use.user);
}

/** Output is observed where the input is: cat, add, mul. */
export function isPropagateQuant(n: Node): boolean {
  return isAten(n, PROPAGATE_SINGLE_OPS) || isAten(n, PROPAGATE_BINARY_OPS);
}

export const isPropagateSingle = (n: Node): boolean => isAten(n, PROPAGATE_SINGLE_OPS);
export const isPropagateBinary = (n: Node): boolean => isAten(n, PROPAGATE_BINARY_OPS);

/** A number, or a tensor constant of no dimensions. */
export function isScalar(v: Value): boolean {
  if (v.type.kind === 'int' || v.type.kind === 'float' || v.type.kind === 'Scalar') return true;
  const c: Constant | undefined = constantOf(v)?.value;
  return v.type.kind === 'Tensor' && c instanceof TensorData && c.shape.length === 0;
}

/** `x + 3`: then only x decides. */
export function isBinaryWithScalar(n: Node): boolean {
  return isPropagateBinary(n) && isScalar(n.input(1));
}

export function isTensorInfo(n: Node): boolean { return isAten(n, TENSOR_INFO_OPS); }

/** Requantized with the qparams of its input. */
export function isValueOp(n: Node): boolean {
  return isAten(n, VALUE_OPS) || isBinaryWithScalar(n);
}

export function fixedQParams(n: Node): FixedQParams | undefined {
  return FIXED_QPARAMS.get(atenName(n) ?? '');
}

/** An op of one tensor that lets quantization through. */
function isSingleInputOp(n: Node): boolean {
  return isValueOp(n) || isAten(n, SHAPE_OPS) || fixedQParams(n) !== undefined;
}

function isSingleInputFunction(n: Node): boolean {
  return isFunction(n, SHAPE_FUNCTIONS) || isFunction(n, VALUE_FUNCTIONS);
}

/** A function that is not known here: what it calls is looked into. */
export function isUserFunction(n: Node): boolean {
  return n.kind === 'prim::CallFunction' && !isSingleInputFunction(n) && !isQuantizable(n);
}

/** Values whose being quantized makes this output quantized: `getPassThroughInputs`. Empty where the op does not let it through. */
export function passThroughInputs(v: Value): Value[] {
  const n = v.node;
  if (!n) return [];
  if (isSingleInputFunction(n)) return [n.input(1)];
  if (isSingleInputOp(n) || (n.kind === 'aten::sort' && n.outputs[0] === v)) return [n.input(0)];
  switch (n.kind) {
    case 'prim::If':
      if (n.outputs.length !== 1) return [];
      return n.blocks.filter((b) => !alwaysRaises(b)).map((b) => b.outputs[0]!);
    case 'prim::ListUnpack': case 'prim::TupleUnpack':
      return v.type.kind === 'Tensor' ? [n.input(0)] : [];
    case 'prim::ListConstruct':
      return isTensorOrList(v) ? [...n.inputs] : [];
    case 'prim::TupleConstruct':
      return n.inputs.filter((i) => i.type.kind === 'Tensor');
    case 'aten::append':
      return [...n.inputs];
    default: return [];
  }
}

/** A tensor or a list of tensors. */
export function isTensorOrList(v: Value): boolean {
  return v.type.kind === 'Tensor' || (v.type.kind === 'List' && v.type.element.kind === 'Tensor');
}

/** A branch that only raises: it has no say. */
export function alwaysRaises(b: Node['blocks'][number]): boolean {
  return b.nodes.some((n) => n.kind === 'prim::RaiseException' || (n.kind === 'prim::If' && n.blocks.every(alwaysRaises)));
}

function isArgumentOf(v: Value, ops: Readonly<Record<string, number>>, functions: Readonly<Record<string, number>>): boolean {
  return v.uses.some((u) => {
    if (!(u.user instanceof GraphNode)) return false;
    return ops[atenName(u.user) ?? ''] === u.index || functions[functionName(u.user) ?? ''] === u.index;
  });
}

/** The value is the weight of a convolution or linear. As in PyTorch, transposed convolutions count. */
export function isWeight(v: Value): boolean {
  return isArgumentOf(v, { conv1d: 1, conv2d: 1, conv3d: 1, conv_transpose1d: 1, conv_transpose2d: 1, linear: 1, embedding_bag: 0 }, { linear: 2 });
}

/** Biases stay float32. */
export function isBias(v: Value): boolean {
  return isArgumentOf(v, { conv1d: 2, conv2d: 2, conv3d: 2, conv_transpose1d: 2, conv_transpose2d: 2, linear: 2 }, { linear: 3 });
}

/** Indices and offsets of an embedding bag. */
export function isEmbeddingBagNonInput(v: Value): boolean {
  return v.uses.some((u) => u.user instanceof GraphNode && u.user.kind === 'aten::embedding_bag' && u.index !== 0);
}
