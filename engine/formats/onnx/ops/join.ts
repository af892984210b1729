import { T } from '../../../ir/types.ts';
import { ints, tensors, type LowerOp } from '../opNode.ts';
import { asHost, dimsOf, dtypeOfValue, hostList, type Dims } from '../values.ts';

const concat: LowerOp = (n) => {
  const parts = n.inputs.map((_, i) => n.input(i));
  if (parts.length === 0) throw n.invalid('it has no inputs');
  if (parts.some((p) => p.kind === 'host')) {
    const hosts = parts.map((p) => (dimsOf(p)?.length === 1 ? asHost(p) ?? (p.kind === 'tensor' && dimsOf(p)![0] !== null ? hostList(n.scalars(parts.indexOf(p)), p.dtype) : null) : null));
    if (hosts.every((h) => h !== null)) return hostList(hosts.flatMap((h) => h.elements), hosts[0]!.dtype);
  }
  const first = parts.map(dimsOf).find((d) => d !== null) ?? null;
  const given = n.requiredInt('axis');
  const axis = given < 0 && !first ? given : n.axis(given, first?.length ?? given + 1);
  const along = parts.map((p) => dimsOf(p)?.[axis] ?? null);
  const total = along.reduce<number | null>((sum, d) => (sum === null || d === null ? null : sum + d), 0);
  const dims: Dims = first && first.map((d, i) => (i === axis ? total : parts.map((p) => dimsOf(p)?.[i] ?? null).find((e) => e !== null) ?? d));
  return n.out(n.emit('aten::cat', [tensors(parts.map((p) => n.asTensor(p))), axis]), dims, dtypeOfValue(parts[0]!));
};

/** In parts of given sizes, or in equal ones, the last smaller. */
const split: LowerOp = (n) => {
  const count = n.proto.output.length;
  const given = n.opset >= 13 ? n.numbersFrom('', 1) : n.ints('split');
  const v = n.input(0);
  const axis = n.axis(n.int('axis', 0), dimsOf(v)?.length ?? 64);
  if (given && (given.length !== count || given.some((s) => s < 0))) throw n.invalid(`it has ${count} outputs and sizes [${given.join(', ')}]`);
  const size = dimsOf(v)?.[axis] ?? null;
  const each = size === null ? null : Math.ceil(size / count);
  const along = Array.from({ length: count }, (_, i) => given?.[i] ?? (each === null ? null : Math.min(each, Math.max(0, size! - each * i))));
  if (v.kind === 'host' && along.every((s) => s !== null)) {
    let at = 0;
    return along.map((s) => hostList(v.elements.slice(at, at += s), v.dtype));
  }
  const list = given ? n.emit('aten::split_with_sizes', [n.asTensor(v), ints(given), axis], T.list(T.tensor)) : n.emit('aten::chunk', [n.asTensor(v), count, axis], T.list(T.tensor));
  const parts = n.emitNode('prim::ListUnpack', [list], new Array(count).fill(T.tensor));
  return parts.outputs.map((value, k) => n.out(value, dimsOf(v) && dimsOf(v)!.map((d, i) => (i === axis ? along[k]! : d)), dtypeOfValue(v)));
};

export const joinOps: Readonly<Record<string, LowerOp>> = { Concat: concat, Split: split };
