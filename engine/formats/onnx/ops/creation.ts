import { numel } from '../../../../kernels/tensor.ts';
import { Value } from '../../../ir/graph.ts';
import { float, ints, SCALAR_TYPE, type LowerOp } from '../opNode.ts';
import { dtypeOfValue, hostList, numbersOfData, type OnnxValue, type Scalar } from '../values.ts';

const isFloat = (dtype: string): boolean => dtype.startsWith('float') || dtype === 'bfloat16';
const known = (s: Scalar): number | null => (typeof s === 'number' ? s : null);

/** Lists of numbers and scalars of ints are host values at once. */
const constant: LowerOp = (n): OnnxValue => {
  const name = n.proto.output[0] ?? '';
  const t = n.tensor('value');
  if (t) return { kind: 'constant', data: t, name };
  if (n.has('value_int')) return hostList([n.int('value_int', 0)], 'int64', 0);
  if (n.has('value_float')) return hostList([n.float('value_float', 0)], 'float32', 0);
  const list = n.ints('value_ints');
  if (list) return hostList(list);
  const floats = n.floats('value_floats');
  if (floats) return hostList(floats, 'float32');
  throw n.unsupported('it holds text or a sparse tensor');
};

const constantOfShape: LowerOp = (n) => {
  const data = n.tensor('value');
  const dtype = data?.dtype ?? 'float32';
  const value = data ? numbersOfData(data)[0] ?? 0 : 0;
  const shape = n.scalars(0);
  if (shape.length <= 1 && shape.every((s) => typeof s === 'number') && numel(shape) <= 64 && !isFloat(dtype)) {
    return hostList(new Array<number>(numel(shape)).fill(value), dtype, shape.length as 0 | 1);
  }
  const fill = isFloat(dtype) ? float(value) : dtype === 'bool' ? value !== 0 : value;
  return n.out(n.emit('aten::full', [ints(shape), fill, SCALAR_TYPE[dtype], null, null, null]), shape.map(known), dtype);
};

const range: LowerOp = (n) => {
  const dtype = dtypeOfValue(n.input(0));
  const [start, limit, delta] = [n.scalar(0), n.scalar(1), n.scalar(2)];
  if (delta === 0) throw n.invalid('its step is 0');
  const length = [start, limit, delta].every((s) => typeof s === 'number') ? Math.max(0, Math.ceil(((limit as number) - (start as number)) / (delta as number))) : null;
  if (length !== null && length <= 64 && !isFloat(dtype)) return hostList(Array.from({ length }, (_, i) => (start as number) + i * (delta as number)), dtype);
  const arg = (s: Scalar) => (isFloat(dtype) ? float(s) : s);
  return n.out(n.emit('aten::arange', [arg(start), arg(limit), arg(delta), SCALAR_TYPE[dtype], null, null, null]), [length], dtype);
};

/** Random numbers depend on a generator that no two tools share; nothing that is exported for inference needs them. */
export const creationOps: Readonly<Record<string, LowerOp>> = {
  Constant: constant, ConstantOfShape: constantOfShape, Range: range,
  EyeLike: (n) => {
    const dims = n.dims();
    if (dims?.length !== 2) throw n.unsupported('the rank of its input is not known');
    const size = (i: number): Value | number => dims[i] ?? n.emit('aten::size', [n.value(0), i], { kind: 'int' });
    if (n.int('k', 0) !== 0) throw n.unsupported('its diagonal is not the main one');
    return n.out(n.emit('aten::eye', [size(0), size(1), SCALAR_TYPE.float32, null, null, null]), dims, 'float32');
  },
};
