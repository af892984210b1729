import { isPackedParams, TensorData, type Constant, type PackedParams } from '../../ir/constant.ts';
import type { Block, Graph, Node, Value } from '../../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../../ir/module.ts';
import { evaluateNode } from '../../passes/evaluate.ts';
import { damaged, unsupported } from './errors.ts';

/** Calls of methods within methods; what PyTorch writes has one. */
const DEEPEST = 8;

/**
 * A module whose class restores itself by a method, `__setstate__`: quantized layers of eager mode keep weight and bias in a tuple and pack them anew. The
 * method is followed over what the pickle holds: attributes are set, tuples taken apart, branches on constants chosen, packed params made. Anything else is
 * refused, loops above all, and no tensor is read.
 * @throws QuantbenchError TORCHSCRIPT_UNSUPPORTED, TORCHSCRIPT_DAMAGED, and what lowering the method throws
 */
export function restoreModule(type: ModuleType, state: Constant, file: string): ModuleObject {
  const module = new ModuleObject(type);
  follow(type.method('__setstate__'), [module, state], { file, className: type.name, depth: 0 });
  return module;
}

interface Place { readonly file: string; readonly className: string; readonly depth: number }

function follow(graph: Graph, args: readonly Constant[], place: Place): Constant {
  if (place.depth > DEEPEST) throw damaged(place.file, `methods of ${place.className} call each other too deep while it is restored`);
  const values = new Map<Value, Constant>();
  graph.inputs.forEach((v, i) => { values.set(v, args[i] ?? null); });
  return followBlock(graph.block, values, place)[0] ?? null;
}

function followBlock(block: Block, values: Map<Value, Constant>, place: Place): Constant[] {
  for (const node of block.nodes) {
    const results = followNode(node, node.inputs.map((v) => values.get(v) ?? null), values, place);
    node.outputs.forEach((v, i) => { values.set(v, results[i] ?? null); });
  }
  return block.outputs.map((v) => values.get(v) ?? null);
}

const isList = (v: Constant | undefined): v is readonly Constant[] => Array.isArray(v);

function followNode(node: Node, args: readonly Constant[], values: Map<Value, Constant>, place: Place): readonly Constant[] {
  const [first, second] = args;
  const refuse = (what: string): Error => unsupported(place.file, `${place.className} is restored by its own code, in which ${what}`);
  const name = node.attributes.get('name');
  const self = (): ModuleObject => {
    if (first instanceof ModuleObject && typeof name === 'string') return first;
    throw refuse(`${node.kind} is used on something else than the module`);
  };
  switch (node.kind) {
    case 'prim::Constant': return [node.attributes.get('value') ?? null];
    case 'prim::Uninitialized': return [null];
    case 'prim::GetAttr': return [self().attributes.get(name as string) ?? self().type.constants.get(name as string) ?? null];
    case 'prim::SetAttr': self().attributes.set(name as string, second ?? null); return [];
    case 'prim::CallMethod': return [follow(self().type.method(name as string), args, { ...place, depth: place.depth + 1 })];
    case 'prim::If': {
      if (typeof first !== 'boolean') throw refuse('a branch depends on more than constants');
      return followBlock(node.blocks[first ? 0 : 1]!, values, place);
    }
    case 'prim::TupleConstruct': case 'prim::ListConstruct': return [args];
    case 'prim::TupleUnpack': case 'prim::ListUnpack': {
      if (!isList(first) || first.length !== node.outputs.length) throw damaged(place.file, `the state of ${place.className} does not fit its class`);
      return first;
    }
    case 'prim::TupleIndex': case 'aten::__getitem__': {
      const at = Number(second);
      const element = isList(first) ? first[at < 0 ? at + first.length : at] : undefined;
      if (element === undefined) throw damaged(place.file, `the state of ${place.className} has no element ${at}`);
      return [element];
    }
    case 'prim::unchecked_cast': case 'prim::unchecked_unwrap_optional': return [first ?? null];
    case 'aten::__is__': return [(first ?? null) === (second ?? null)];
    case 'aten::__isnot__': return [(first ?? null) !== (second ?? null)];
    case 'quantized::conv2d_unpack': case 'quantized::conv1d_unpack': case 'quantized::linear_unpack': {
      if (!isPackedParams(first)) throw refuse(`${node.kind} is called on no packed params`);
      return [first.weight, first.bias];
    }
    default: break;
  }
  const packed = pack(node.kind, args);
  const result = packed ?? evaluateNode(node, args);
  if (result === undefined) throw refuse(`${node.kind} is called`);
  return [result];
}

const PACKERS: Readonly<Record<string, PackedParams['op']>> = {
  'quantized::linear_prepack': 'Linear', 'quantized::conv1d_prepack': 'Conv1d', 'quantized::conv2d_prepack': 'Conv2d', 'quantized::conv3d_prepack': 'Conv3d',
  'quantized::conv_transpose1d_prepack': 'ConvTranspose1d', 'quantized::conv_transpose2d_prepack': 'ConvTranspose2d',
};

/** Packed params of (weight, bias), for convolutions with stride, padding, dilation and groups, transposed ones with output_padding before dilation. */
function pack(kind: string, args: readonly Constant[]): PackedParams | undefined {
  const op = PACKERS[kind];
  const [weight, bias, stride, padding, ...more] = args;
  if (!op || !(weight instanceof TensorData) || !(bias === null || bias instanceof TensorData)) return undefined;
  if (op === 'Linear') return { kind: 'PackedParams', op, weight, bias, stride: [], padding: [], outputPadding: [], dilation: [], groups: 1 };
  const [outputPadding, dilation, groups] = op.startsWith('ConvTranspose') ? more : [isList(stride) ? stride.map(() => 0) : null, ...more];
  const numbers = (v: Constant | undefined): readonly number[] | undefined => (isList(v) && v.every((e) => typeof e === 'number') ? v : undefined);
  const sizes = { stride: numbers(stride), padding: numbers(padding), outputPadding: numbers(outputPadding), dilation: numbers(dilation) };
  if (!sizes.stride || !sizes.padding || !sizes.outputPadding || !sizes.dilation || typeof groups !== 'number') return undefined;
  return { kind: 'PackedParams', op, weight, bias, stride: sizes.stride, padding: sizes.padding, outputPadding: sizes.outputPadding, dilation: sizes.dilation, groups };
}
