import { quantizeHost } from '../../../kernels/ops/qquantize.ts';
import type { DType, QParams } from '../../../kernels/tensor.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { T, type Type } from '../../ir/types.ts';
import { constantOf, numbersOf, scalarOf } from '../../passes/nodes.ts';

/** Where packed weights go: attributes of the converted module, `quantized_forward._jit_pass_packed_weight_0`, and so on. */
export interface Packing {
  readonly graph: Graph;
  readonly module: ModuleObject;
  readonly params: PackedParams[];
  /** Equal weights with equal settings are packed once. */
  readonly known: Map<string, Value>;
  readonly ids: Map<object, number>;
}

export function startPacking(graph: Graph, module: ModuleObject): Packing {
  return { graph, module, params: [], known: new Map(), ids: new Map() };
}

const DTYPES: Readonly<Record<number, DType>> = { 12: 'qint8', 13: 'quint8' };

/** The tensor that a quantize node makes of a constant; undefined where anything is not constant. */
export function quantizedConstant(quantize: Node): TensorData | undefined {
  const x = constantOf(quantize.inputs[0])?.value;
  const isTensorWise = quantize.kind === 'aten::quantize_per_tensor';
  const dtype = DTYPES[Number(scalarOf(quantize.inputs[isTensorWise ? 3 : 4]))];
  if (!(x instanceof TensorData) || dtype === undefined) return undefined;
  let q: QParams;
  if (isTensorWise) {
    const [scale, zeroPoint] = [scalarOf(quantize.inputs[1]), scalarOf(quantize.inputs[2])];
    if (typeof scale !== 'number' || typeof zeroPoint !== 'number') return undefined;
    q = { scheme: 'per_tensor_affine', scale, zeroPoint };
  } else {
    const [scales, zeroPoints, axis] = [numbersOf(quantize.inputs[1]), numbersOf(quantize.inputs[2]), scalarOf(quantize.inputs[3])];
    if (!scales || !zeroPoints || typeof axis !== 'number') return undefined;
    q = { scheme: 'per_channel_affine', scales, zeroPoints, axis };
  }
  return TensorData.of(quantizeHost(x.host(), dtype, q));
}

/**
 * Packs the quantized weight and the float bias of a convolution or linear, and reads them from an attribute just before the op; where one of them is
 * computed, the model packs them itself, each time (quantized::linear_prepack). Undefined where the weight is not quantized, or a setting is not constant:
 * then the op stays as it is.
 */
export function packWeight(op: Node, packing: Packing): Value | undefined {
  const dequantize = op.input(1).node;
  const quantize = dequantize?.kind === 'aten::dequantize' ? dequantize.input(0).node : undefined;
  const settings = settingsOf(op);
  if (!quantize?.kind.startsWith('aten::quantize_per_') || !settings) return undefined;
  const bias = constantOf(op.inputs[2]);
  const source = constantOf(quantize.inputs[0])?.value;
  if (!(source instanceof TensorData) || !bias || !(bias.value === null || bias.value instanceof TensorData)) {
    return packAtRunTime(op, quantize.output, settings, packing.graph);
  }
  const qparams = quantize.inputs.slice(1).map((v) => JSON.stringify(constantOf(v)?.value)).join(' ');
  const key = [op.kind, id(packing, source), qparams, bias.value ? id(packing, bias.value) : '-', JSON.stringify(settings)].join(' ');
  const known = packing.known.get(key);
  if (known) return known;
  const weight = quantizedConstant(quantize);
  if (!weight) return undefined;
  const params: PackedParams = { kind: 'PackedParams', weight, bias: bias.value, ...settings };
  const name = `quantized_forward._jit_pass_packed_weight_${packing.params.length}`;
  packing.params.push(params);
  packing.module.attributes.set(name, params);
  const get = packing.graph.create('prim::GetAttr', [packing.graph.inputs[0]!], [packedType(settings)]);
  get.attributes.set('name', name);
  get.output.name = name;
  // A weight used in one branch may be used again in another: the read goes to where every block sees it.
  let at = op;
  while (at.owner.parent) at = at.owner.parent;
  at.owner.insertBefore(get, at);
  packing.known.set(key, get.output);
  return get.output;
}

function packedType(settings: Settings): Type {
  const base = settings.op === 'Linear' ? 'Linear' : settings.op.replace('ConvTranspose', 'Conv');
  return T.cls(`__torch__.torch.classes.quantized.${base}PackedParamsBase`);
}

/** quantized::conv2d_prepack and the like, where PyTorch's rewriter puts it: just behind the last of the op's inputs. */
function packAtRunTime(op: Node, weight: Value, settings: Settings, graph: Graph): Value {
  const lists = settings.op === 'Linear' ? []
    : [settings.stride, settings.padding, ...(settings.op.startsWith('ConvTranspose') ? [settings.outputPadding] : []), settings.dilation];
  const constants = [...lists.map((list) => graph.constant([...list], T.list(T.int))), ...(lists.length > 0 ? [graph.constant(settings.groups, T.int)] : [])];
  const bias = op.inputs[2] ?? op.owner.insertBefore(graph.constant(null, T.none), op).output;
  const prepack = graph.create(`quantized::${op.kind.slice('aten::'.length)}_prepack`, [weight, bias, ...constants.map((c) => c.output)], [packedType(settings)]);
  prepack.scope = op.scope;
  const { nodes } = op.owner;
  const last = Math.max(-1, ...[op.input(0), weight, bias].map((v) => (v.node ? nodes.indexOf(v.node) : -1)));
  const at = nodes[last + 1]!;
  for (const n of [...constants, prepack]) op.owner.insertBefore(n, at);
  return prepack.output;
}

function id(packing: Packing, o: object): number {
  if (!packing.ids.has(o)) packing.ids.set(o, packing.ids.size);
  return packing.ids.get(o)!;
}

type Settings = Omit<PackedParams, 'kind' | 'weight' | 'bias'>;

/** Stride, padding and the rest; undefined where they are not constants, or padding is a word that the packed form has not. */
function settingsOf(op: Node): Settings | undefined {
  if (op.kind === 'aten::linear') return { op: 'Linear', stride: [], padding: [], outputPadding: [], dilation: [], groups: 1 };
  const named = /^aten::conv(_transpose)?([123])d$/.exec(op.kind);
  if (!named) return undefined;
  const dims = Number(named[2]);
  const list = (i: number): number[] | undefined => {
    const one = scalarOf(op.inputs[i]);
    if (typeof one === 'number') return new Array<number>(dims).fill(one);
    const many = numbersOf(op.inputs[i]);
    return many?.length === 1 ? new Array<number>(dims).fill(many[0]!) : many;
  };
  const zeros = new Array<number>(dims).fill(0);
  const transposed = named[1] !== undefined;
  const [stride, padding] = [list(3), list(4)];
  const dilation = list(transposed ? 7 : 5);
  const outputPadding = transposed ? list(5) : zeros;
  const groups = scalarOf(op.inputs[6]);
  if (!stride || !padding || !dilation || !outputPadding || typeof groups !== 'number') return undefined;
  const kind = `Conv${transposed ? 'Transpose' : ''}${dims}d` as PackedParams['op'];
  return { op: kind, stride, padding, outputPadding, dilation, groups };
}
