import { QuantbenchError } from '../../../kernels/errors.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { operators } from '../operator.ts';
import type { RuntimeValue } from '../value.ts';
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
  'prim::is_nested(Tensor a) -> bool': () => false,
  'prim::is_cpu(Tensor a) -> bool': () => true,
  'prim::is_meta(Tensor a) -> bool': () => false,
  'prim::is_mkldnn(Tensor a) -> bool': () => false,
  'prim::is_sparse(Tensor a) -> bool': () => false,
  'prim::requires_grad(Tensor a) -> bool': () => false,
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

/** Operators that act on more than their results: a raise must stay where it is. */
export const effectOperators = operators({
  'prim::RaiseException(str msg, str? cls=None) -> ()': (_ctx, a) => {
    const kind = typeof a.any(1) === 'string' ? a.string(1).split('.').at(-1)! : 'Exception';
    throw new QuantbenchError('MODEL_RAISED', `the model raised ${kind}: ${formatValue(a.any(0))}`, 'The model refuses this input: check its shape and type.');
  },
  'aten::warn(str message, int stacklevel=2) -> ()': () => null,
  'aten::set_grad_enabled(bool val) -> ()': () => null,
  'prim::Print(...) -> ()': () => null,
  'prim::AutogradAnyNonZero(...) -> bool': () => false,
}, { pure: false });

function unpack(op: string, list: RuntimeValue[], count: number): RuntimeValue {
  if (list.length !== count) throw badArgument(op, `expected ${count} values, got ${list.length}`);
  return count === 1 ? list[0]! : [...list];
}

