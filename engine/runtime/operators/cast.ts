import type { Tensor } from '../../../kernels/device/device.ts';
import type { DType } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import { castTo } from './elementwise.ts';
import { clone } from './views.ts';
import { dtypeArg } from './support.ts';

/** Tensor.to: itself where nothing changes, unless a copy is asked for. Devices are one here. */
function to(ctx: OpContext, t: Tensor, dtype: DType, copy = false): Tensor {
  const cast = castTo(ctx, t, dtype);
  return copy && cast === t ? clone(ctx, t) : cast;
}

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
  'aten::float(Tensor(a) self) -> Tensor(a)': (ctx, a) => castTo(ctx, a.tensor(0), 'float32'),
  'aten::_cast_Float(Tensor self, bool non_blocking=False) -> Tensor': (ctx, a) => castTo(ctx, a.tensor(0), 'float32'),
  'aten::type_as(Tensor self, Tensor other) -> Tensor': (ctx, a) => castTo(ctx, a.tensor(0), own(a.tensor(1))),
  'aten::cpu(Tensor(a) self) -> Tensor(a|b)': (_ctx, a) => a.tensor(0),
});
