import { TensorData, type Constant, type PackedParams } from '../ir/constant.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { T } from '../ir/types.ts';
import { passContext } from '../passes/pass.ts';
import { freezeModule, runToFixpoint, SIMPLIFY } from '../passes/pipeline.ts';
import { constantBefore, constantOf, numbersOf, scalarOf } from '../passes/nodes.ts';
import type { Observer } from '../quantization/observers/index.ts';
import { quantizeWeight } from '../quantization/quantizeWeight.ts';
import type { ModuleMapping } from './mappings.ts';
import { BuiltModuleType } from './moduleTree.ts';

/** Scale and zero point of a module's output. */
export interface OutputQParams { readonly scale: number; readonly zeroPoint: number }

/** A module after convert. */
export interface SwappedModule {
  readonly module: ModuleObject;
  readonly packed: PackedParams | null;
  /** Null for modules that keep their input's qparams. */
  readonly output: OutputQParams | null;
}

/**
 * The quantized form of a leaf module, `from_float` of torch.ao.nn.quantized: its frozen forward with the one op that does the work replaced by
 * its `quantized::` twin, so that every argument (stride, eps, ...) is what the model itself passes.
 * @returns null where the forward holds no such op, and the module must stay in float
 */
export function swapModule(module: ModuleObject, mapping: ModuleMapping, output: OutputQParams, makeWeightObserver: () => Observer): SwappedModule | null {
  const graph = freezeModule(module).frozen;
  const node = [...graph.walk()].find((n) => mapping.ops.includes(n.kind));
  if (!node) return null;
  const scale = (): Value => constantBefore(node, output.scale, T.float, 'scale');
  const zeroPoint = (): Value => constantBefore(node, output.zeroPoint, T.int, 'zero_point');
  let packed: PackedParams | null = null;
  switch (mapping.swap) {
    case 'packed': {
      packed = packModule(node, makeWeightObserver);
      if (!packed) return null;
      const params = constantBefore(node, packed, T.cls(`__torch__.torch.classes.quantized.${packed.op}PackedParamsBase`), '_packed_params');
      replace(graph, node, `quantized::${quantizedName(packed.op)}`, [node.input(0), params, scale(), zeroPoint()]);
      break;
    }
    case 'normalization': replace(graph, node, normalizationName(node.kind), [...normalizationInputs(node), scale(), zeroPoint()]); break;
    case 'activation': replace(graph, node, node.kind.replace('aten::', 'quantized::').replace(/_$/, ''), activationInputs(node, scale, zeroPoint)); break;
    case 'keepsQParams': break;
  }
  // The float weight is no longer used, nor are the arguments that went into the packed one.
  runToFixpoint(graph, SIMPLIFY, passContext(module));
  const name = `__torch__.torch.ao.nn.quantized.modules.${mapping.quantized.replace(/^Quantized/, '')}`;
  const attributes = new Map<string, Constant>([...module.attributes].filter(([, v]) => !(v instanceof TensorData)));
  const swapped = new ModuleObject(new BuiltModuleType(name, graph), attributes);
  return { module: swapped, packed, output: mapping.swap === 'keepsQParams' ? null : output };
}

function replace(graph: Graph, node: Node, kind: string, inputs: readonly Value[]): void {
  const other = graph.create(kind, inputs, [T.tensor]);
  other.location = node.location;
  node.owner.insertBefore(other, node);
  other.output.name = node.output.name;
  node.output.replaceAllUsesWith(other.output);
  node.destroy();
}

const quantizedName = (op: PackedParams['op']): string => op.replace('ConvTranspose', 'conv_transpose').replace('Conv', 'conv').replace('Linear', 'linear');

/** Weight and geometry of a convolution or linear op; null where they are not constants, or the padding is given by name. */
function packModule(node: Node, makeWeightObserver: () => Observer): PackedParams | null {
  const weight = constantOf(node.inputs[1])?.value;
  const bias = constantOf(node.inputs[2])?.value ?? null;
  if (!(weight instanceof TensorData) || !(bias === null || bias instanceof TensorData)) return null;
  const common = { kind: 'PackedParams' as const, bias };
  if (node.kind === 'aten::linear') {
    return { ...common, op: 'Linear', weight: quantizeWeight(weight.host(), makeWeightObserver()), stride: [], padding: [], outputPadding: [], dilation: [], groups: 1 };
  }
  const general = node.kind === 'aten::_convolution' || node.kind === 'aten::convolution';
  if (!general && !/^aten::conv[12]d$/.test(node.kind)) return null;
  if (general && scalarOf(node.inputs[6]) !== false) return null;
  const dims = weight.shape.length - 2;
  const list = (i: number): number[] | undefined => {
    const v = numbersOf(node.inputs[i]);
    return v?.length === 1 ? new Array<number>(dims).fill(v[0]!) : v;
  };
  const [stride, padding, dilation] = [list(3), list(4), list(5)];
  const groups = scalarOf(node.inputs[general ? 8 : 6]);
  if (!stride || !padding || !dilation || typeof groups !== 'number') return null;
  return {
    ...common, op: dims === 1 ? 'Conv1d' : 'Conv2d', weight: quantizeWeight(weight.host(), makeWeightObserver()),
    stride, padding, dilation, groups, outputPadding: new Array<number>(dims).fill(0),
  };
}

const normalizationName = (kind: string): string => (kind === 'aten::batch_norm' ? 'quantized::batch_norm2d' : kind.replace('aten::', 'quantized::'));

/** Arguments of the quantized norms, before scale and zero point, from those of the float ones. */
function normalizationInputs(node: Node): Value[] {
  const at = (...indices: number[]): Value[] => indices.map((i) => node.input(i));
  switch (node.kind) {
    // aten: input, weight, bias, mean, var, training, momentum, eps; quantized: input, weight, bias, mean, var, eps
    case 'aten::batch_norm': return at(0, 1, 2, 3, 4, 7);
    // aten: input, normalized_shape, weight, bias, eps
    case 'aten::layer_norm': return at(0, 1, 2, 3, 4);
    // aten: input, num_groups, weight, bias, eps
    case 'aten::group_norm': return at(0, 1, 2, 3, 4);
    // aten: input, weight, bias, mean, var, use_input_stats, momentum, eps; quantized: input, weight, bias, eps
    default: return at(0, 1, 2, 7);
  }
}

/** `quantized::hardswish(x, scale, zp)`, `elu(x, scale, zp, alpha, ...)`, `leaky_relu(x, slope, inplace, scale, zp)`. */
function activationInputs(node: Node, scale: () => Value, zeroPoint: () => Value): Value[] {
  const [x, ...rest] = node.inputs as [Value, ...Value[]];
  if (/leaky_relu/.test(node.kind)) return [x, rest[0]!, constantBefore(node, false, T.bool, 'inplace'), scale(), zeroPoint()];
  return [x, scale(), zeroPoint(), ...rest];
}
