import { QuantbenchError } from '../../../kernels/errors.ts';
import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { isFloat, numel } from '../../../kernels/tensor.ts';
import { ModuleObject } from '../../ir/module.ts';
import { checkItems } from '../limits.ts';
import { operators } from '../operator.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { formatValue } from './text.ts';
import { badArgument, scalarTypeOf } from './support.ts';

/** prim:: operators without blocks and attributes. Control flow, constants and calls are the interpreter's own. */
export const primOperators = operators({
  'prim::ListConstruct(...) -> t[]': (_ctx, a) => [...a.values],
  'prim::TupleConstruct(...) -> Any': (_ctx, a) => [...a.values],
  'prim::DictConstruct(...) -> Dict(str, t)': (_ctx, a) => {
    const out = new Map<RuntimeValue, RuntimeValue>();
    for (let i = 0; i + 1 < a.length; i += 2) out.set(a.any(i), a.any(i + 1));
    return out;
  },
  'prim::ListUnpack(t[] list, ...) -> ...': (ctx, a) => unpack(a.op, a.list(0), ctx.node.outputTypes.length),
  'prim::TupleUnpack(Any tuple) -> ...': (ctx, a) => unpack(a.op, a.list(0), ctx.node.outputTypes.length),
  'prim::TupleIndex(Any tuple, int i) -> Any': (_ctx, a) => {
    const i = a.number(1) < 0 ? a.number(1) + a.list(0).length : a.number(1);
    const v = a.list(0)[i];
    if (v === undefined) throw badArgument(a.op, `index ${a.number(1)} is out of range for a tuple of ${a.list(0).length}`);
    return v;
  },
  'prim::CreateObject() -> Any': (ctx) => new ModuleObject((ctx.node.attributes?.get('prototype') as ModuleObject).type),
  'prim::isinstance(Any x) -> bool': (ctx, a) => isInstance(a.any(0), ctx.node.attributes?.get('types') as readonly string[]),
  'prim::Uninitialized() -> Any': () => null,
  'prim::unchecked_cast(t x) -> t': (_ctx, a) => a.any(0),
  'prim::unchecked_unwrap_optional(t(a)? optional) -> t(a)': (_ctx, a) => a.any(0),
  'aten::_unwrap_optional(t(a)? optional) -> t(a)': (_ctx, a) => {
    if (a.isNone(0)) throw badArgument(a.op, 'a value that must not be None is None');
    return a.any(0);
  },
  'prim::dtype(Tensor a) -> int': (_ctx, a) => scalarTypeOf(a.tensor(0).meta.dtype),
  'prim::device(Tensor a) -> Device': () => 'cpu',
  'prim::layout(Tensor a) -> int': () => 0,
  'prim::is_cuda(Tensor a) -> bool': () => false,
  'prim::is_quantized(Tensor a) -> bool': (_ctx, a) => a.tensor(0).meta.q !== undefined,
  'prim::is_cpu(Tensor a) -> bool': () => true,
  'prim::is_meta(Tensor a) -> bool': () => false,
  'prim::is_mkldnn(Tensor a) -> bool': () => false,
  'prim::is_sparse(Tensor a) -> bool': () => false,
  'prim::requires_grad(Tensor a) -> bool': () => false,
  'prim::is_mps(Tensor a) -> bool': () => false,
  'prim::is_xla(Tensor a) -> bool': () => false,
  'prim::is_xpu(Tensor a) -> bool': () => false,
  'prim::is_vulkan(Tensor a) -> bool': () => false,
  'prim::is_sparse_csr(Tensor a) -> bool': () => false,
  'prim::is_leaf(Tensor a) -> bool': () => true,
  'prim::grad(Tensor a) -> Tensor(*)': () => null,
  'prim::name(Tensor a) -> str?': () => null,
  'prim::index(Device self) -> int?': (_ctx, a) => { const at = a.string(0).split(':')[1]; return at === undefined ? null : Number(at); },
  'prim::rangelist(int n) -> int[]': (_ctx, a) => {
    checkItems(a.number(0), a.op);
    return Array.from({ length: Math.max(0, a.number(0)) }, (_, i) => i);
  },
  'aten::device.with_index(str type, int index) -> Device': (_ctx, a) => `${a.string(0)}:${a.number(1)}`,
  'aten::get_autocast_dtype(str device_type) -> int': () => scalarTypeOf('bfloat16'),
  'aten::broadcast_shapes(int[] a, int[] b) -> int[]': (_ctx, a) => broadcastShapes(a.op, a.numbers(0), a.numbers(1)),
  'aten::_infer_size(int[] a, int[] b) -> int[]': (_ctx, a) => broadcastShapes(a.op, a.numbers(0), a.numbers(1)),
  'aten::wait(t self) -> t': (_ctx, a) => a.any(0),
  'aten::tolist(Tensor self) -> Any': async (ctx, a) => {
    const host = await ctx.read(ctx.toLayout(a.tensor(0), 'contiguous'));
    const bool = host.meta.dtype === 'bool';
    const build = (shape: readonly number[], at: number): RuntimeValue => {
      const [n, ...rest] = shape;
      if (n === undefined) return bool ? host.data[at] !== 0 : host.data[at]!;
      const step = numel(rest);
      return Array.from({ length: n }, (_, i) => build(rest, at + i * step));
    };
    return build(host.meta.shape, 0);
  },
  'prim::data(Tensor(a) a) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'prim::type(Device self) -> str': (_ctx, a) => a.string(0).split(':')[0]!,
  'prim::NumToTensor.Scalar(Scalar a) -> Tensor': (ctx, a) => {
    const dtype = ctx.node.inputTypes[0]?.kind === 'float' ? 'float32' : typeof a.any(0) === 'boolean' ? 'bool' : Number.isInteger(a.number(0)) ? 'int64' : 'float32';
    return ctx.fromHost(dtype, [], [a.number(0)]);
  },
  'aten::device(str a) -> Device': (_ctx, a) => a.string(0),
  'aten::is_floating_point(Tensor self) -> bool': (_ctx, a) => isFloat(a.tensor(0).meta.dtype),
  'aten::is_complex(Tensor self) -> bool': () => false,
  'aten::is_grad_enabled() -> bool': () => false,
  'aten::is_autocast_enabled() -> bool': () => false,
  'aten::is_autocast_cpu_enabled() -> bool': () => false,
  'aten::is_scripting() -> bool': () => true,
});

/** Whether a value is of one of the types, given as printed: `Tensor`, `int[]`, `(Tensor, int)`, `Dict(str, Tensor)`. */
function isInstance(v: RuntimeValue, types: readonly string[]): boolean {
  return types.some((type) => matchesType(v, type));
}

function matchesType(v: RuntimeValue, type: string): boolean {
  if (type === 'Any') return true;
  if (type.endsWith('?')) return v === null || matchesType(v, type.slice(0, -1));
  if (type.endsWith('[]')) return Array.isArray(v) && v.every((e) => matchesType(e, type.slice(0, -2)));
  if (type.startsWith('(')) return Array.isArray(v);
  if (type.startsWith('Dict(')) return v instanceof Map;
  switch (type) {
    case 'Tensor': return isTensor(v);
    case 'NoneType': return v === null;
    // At run time both are arrays.
    case 'list': case 'tuple': return Array.isArray(v);
    case 'int': return typeof v === 'number' && Number.isInteger(v);
    case 'float': return typeof v === 'number';
    case 'bool': return typeof v === 'boolean';
    case 'str': case 'Device': return typeof v === 'string';
    default: return v instanceof ModuleObject && v.type.name === type;
  }
}

/** Operators that act on more than their results: a raise must stay where it is. */
export const effectOperators = operators({
  'prim::RaiseException(str msg, str? cls=None) -> ()': (_ctx, a) => {
    const kind = typeof a.any(1) === 'string' ? a.string(1).split('.').at(-1)! : 'Exception';
    throw new QuantbenchError('MODEL_RAISED', `the model raised ${kind}: ${formatValue(a.any(0))}`, 'The model refuses this input: check its shape and type.');
  },
  'aten::warn(str message, int stacklevel=2) -> ()': () => null,
  'aten::set_grad_enabled(bool val) -> ()': () => null,
  'aten::manual_seed(int seed) -> ()': () => null,
  'prim::Print(...) -> ()': () => null,
  'prim::AutogradAnyNonZero(...) -> bool': () => false,
}, { pure: false });

function unpack(op: string, list: RuntimeValue[], count: number): RuntimeValue {
  if (list.length !== count) throw badArgument(op, `expected ${count} values, got ${list.length}`);
  return count === 1 ? list[0]! : [...list];
}

