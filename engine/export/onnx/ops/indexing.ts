import { TensorItem } from '../items.ts';
import { Unexportable, type OpExport, type OpTable } from '../opCall.ts';

const embedding: OpExport = (c) => c.b.op('Gather', [c.x(0), c.x(1)], { axis: 0 });

/** x[:, :, indices]: one index tensor of integers, whole dimensions before it. */
const index: OpExport = (c) => {
  const given = c.list(1);
  const at = given.findIndex((i) => i instanceof TensorItem);
  const tensor = given[at];
  if (!(tensor instanceof TensorItem) || given.filter((i) => i instanceof TensorItem).length !== 1) throw new Unexportable('several index tensors at once');
  if (tensor.meta.dtype === 'bool' || tensor.meta.dtype === 'uint8') throw new Unexportable('a mask as index, whose result has no known size');
  return c.b.op('Gather', [c.x(0), c.b.value(tensor)], { axis: at });
};

const triangle = (upper: boolean): OpExport => (c) => {
  if (c.b.opset < 14) throw new Unexportable('a triangle of a computed matrix before opset 14');
  return c.b.op('Trilu', [c.x(0), c.b.scalar(c.num(1, 0), 'int64')], { upper: upper ? 1 : 0 });
};

/** A tensor of one value in a shape that the batch decides. */
const filled = (at: 'zero' | 'one' | number, sizes: number): OpExport => (c) => {
  const dtype = c.out.dtype;
  const value = at === 'zero' ? c.b.scalar(0, dtype) : at === 'one' ? c.b.scalar(1, dtype) : c.operand(at, dtype);
  return c.b.op('Expand', [value, c.b.intList(c.list(sizes))]);
};

/** zeros_like and the like: as large as another tensor. */
const filledLike = (at: 'zero' | 'one' | number): OpExport => (c) => {
  const value = at === 'zero' ? c.b.scalar(0, c.out.dtype) : at === 'one' ? c.b.scalar(1, c.out.dtype) : c.operand(at, c.out.dtype);
  return c.b.op('Expand', [value, c.b.op('Shape', [c.b.raw(c.item(0))])]);
};

export const INDEXING: OpTable = {
  'aten::embedding': embedding, 'aten::index': index,
  'aten::index_select': (c) => c.b.op('Gather', [c.x(0), c.x(2)], { axis: c.dim(1, c.item(0).rank) }),
  'aten::gather': (c) => c.b.op('GatherElements', [c.x(0), c.x(2)], { axis: c.dim(1, c.item(0).rank) }),
  'aten::tril': triangle(false), 'aten::triu': triangle(true),
  'aten::zeros': filled('zero', 0), 'aten::ones': filled('one', 0), 'aten::full': filled(1, 0),
  'aten::new_zeros': filled('zero', 1), 'aten::new_ones': filled('one', 1), 'aten::new_full': filled(2, 1),
  'aten::zeros_like': filledLike('zero'), 'aten::ones_like': filledLike('one'), 'aten::full_like': filledLike(1),
};
