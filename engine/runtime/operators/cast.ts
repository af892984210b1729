import type { Tensor } from '../../../kernels/device/device.ts';
import type { DType } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import { castTo } from './elementwise.ts';
import { clone } from './views.ts';
import { dtypeArg } from './support.ts';

/** Tensor.to: itself where nothing changes, unless a copy is asked for. Devices are one here. */
function to(ctx: OpContext, t: Tensor, dtype: DType, copy = false): Tensor {
  const cast = castTo(ctx, t, dtype);
  return copy && cast === t ? clone(ctx, t) : cast;
}

/** Methods of a tensor that convert it. */
const NAMED: readonly [name: string, dtype: DType][] = [
  ['float', 'float32'], ['double', 'float64'], ['half', 'float16'], ['bfloat16', 'bfloat16'], ['int', 'int32'], ['long', 'int64'], ['short', 'int16'], ['bool', 'bool'],
];
const CASTS: readonly [name: string, dtype: DType][] = [
  ['Float', 'float32'], ['Double', 'float64'], ['Half', 'float16'], ['Int', 'int32'], ['Long', 'int64'], ['Short', 'int16'], ['Byte', 'uint8'], ['Char', 'int8'],
];

const own = (t: Tensor): DType => t.meta.dtype;

export const castOperators = operators({
  'aten::to.device(Tensor(a) self, Device device, int dtype, bool non_blocking=False, bool copy=False, int? memory_format=None) -> Tensor(a)': (ctx, a) =>
    to(ctx, a.tensor(0), dtypeArg(a, 2, own(a.tensor(0))), a.bool(4)),
  'aten::to.dtype(Tensor(a) self, int dtype, bool non_blocking=False, bool copy=False, int? memory_format=None) -> Tensor(a)': (ctx, a) =>
    to(ctx, a.tensor(0), dtypeArg(a, 1, own(a.tensor(0))), a.bool(3)),
  'aten::to.other(Tensor(a) self, Tensor other, bool non_blocking=False, bool copy=False, int? memory_format=None) -> Tensor(a)': (ctx, a) =>
    to(ctx, a.tensor(0), own(a.tensor(1)), a.bool(3)),
  ['aten::to.dtype_layout(Tensor(a) self, *, int? dtype=None, int? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, '
    + 'bool copy=False, int? memory_format=None) -> Tensor(a)']: (ctx, a) => to(ctx, a.tensor(0), dtypeArg(a, 1, own(a.tensor(0))), a.bool(6)),
  'aten::to.prim_Device(Tensor(a) self, Device? device, int? dtype=None, bool non_blocking=False, bool copy=False) -> Tensor(a|b)': (ctx, a) =>
    to(ctx, a.tensor(0), dtypeArg(a, 2, own(a.tensor(0))), a.bool(4)),
  'aten::to.prim_dtype(Tensor(a) self, int? dtype=None, bool non_blocking=False, bool copy=False) -> Tensor(a|b)': (ctx, a) =>
    to(ctx, a.tensor(0), dtypeArg(a, 1, own(a.tensor(0))), a.bool(3)),
  'aten::to.prim_other(Tensor(a) self, bool non_blocking=False, bool copy=False) -> Tensor(b|a)': (ctx, a) => to(ctx, a.tensor(0), own(a.tensor(0)), a.bool(2)),
  ['aten::_to_copy(Tensor self, *, int? dtype=None, int? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, '
    + 'int? memory_format=None) -> Tensor']: (ctx, a) => to(ctx, a.tensor(0), dtypeArg(a, 1, own(a.tensor(0))), true),
  ...Object.fromEntries(NAMED.map(([name, dtype]): [string, Operator['run']] => [`aten::${name}(Tensor(a) self) -> Tensor(a)`, (ctx, a) => castTo(ctx, a.tensor(0), dtype)])),
  ...Object.fromEntries(CASTS.map(([name, dtype]): [string, Operator['run']] => [
    `aten::_cast_${name}(Tensor self, bool non_blocking=False) -> Tensor`, (ctx, a) => castTo(ctx, a.tensor(0), dtype),
  ])),
  'aten::_autocast_to_reduced_precision(Tensor(a) self, bool cuda_enabled, bool cpu_enabled, int cuda_dtype, int cpu_dtype) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::_autocast_to_full_precision(Tensor(a) self, bool cuda_enabled, bool cpu_enabled) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::cuda(Tensor(a) self) -> Tensor(a|b)': (_ctx, a) => a.tensor(0),
  'aten::to_dense(Tensor self, int? dtype=None, *, bool? masked_grad=None) -> Tensor': (_ctx, a) => a.tensor(0),
  'aten::type_as(Tensor self, Tensor other) -> Tensor': (ctx, a) => castTo(ctx, a.tensor(0), own(a.tensor(1))),
  'aten::cpu(Tensor(a) self) -> Tensor(a|b)': (_ctx, a) => a.tensor(0),
});
