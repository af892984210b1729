import type { Tensor } from '../../kernels/device/device.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { describeMeta, elementBytes, numel, type HostTensor } from '../../kernels/tensor.ts';
import { checkItems, tooLarge } from './limits.ts';
import { isComplex } from './operators/complex.ts';
import { describeValue, isTensor, type RuntimeValue } from './value.ts';

/** A program's inputs and outputs outside the device: tensors in host memory, in the lists, tuples and dicts that the program asks for. */
export type HostValue = null | number | boolean | string | HostTensor | readonly HostValue[] | ReadonlyMap<HostValue, HostValue>;

export function isHostTensor(v: HostValue | RuntimeValue): v is HostTensor {
  return typeof v === 'object' && v !== null && 'meta' in v && 'data' in v;
}

/** Every tensor of a value, in order, with a dotted name that says where it lies: `0`, `out`, `1.logits`. */
export function tensorsOf(value: HostValue, prefix = ''): { name: string; tensor: HostTensor }[] {
  if (isHostTensor(value)) return [{ name: prefix === '' ? '0' : prefix, tensor: value }];
  const under = (key: string): string => (prefix === '' ? key : `${prefix}.${key}`);
  if (Array.isArray(value)) return (value as readonly HostValue[]).flatMap((v, i) => tensorsOf(v, under(String(i))));
  if (value instanceof Map) return [...value as ReadonlyMap<HostValue, HostValue>].flatMap(([k, v]) => tensorsOf(v, under(String(k))));
  return [];
}

/** Brings a host value into a program: `place` makes each tensor. */
export function enterValue(value: HostValue, place: (t: HostTensor) => Tensor): RuntimeValue {
  if (value === null || typeof value !== 'object') return value;
  if (isHostTensor(value)) return place(value);
  if (Array.isArray(value)) return (value as readonly HostValue[]).map((v) => enterValue(v, place));
  return new Map([...value as ReadonlyMap<HostValue, HostValue>].map(([k, v]) => [enterValue(k, place), enterValue(v, place)]));
}

/** Results nest a few levels; a list may also hold itself. */
const DEEPEST_RESULT = 200;

/** A result whose elements are its storage's many times over is written out when it is read: so large may it be. */
const MOST_EXPANDED = 1 << 24;

function checkExpanded({ meta, storage }: Tensor): void {
  const elements = numel(meta.shape);
  if (elements <= MOST_EXPANDED || elements <= 16 * (storage.bytes / elementBytes(meta.dtype))) return;
  throw tooLarge(`the model returns ${describeMeta(meta)}, which is an expanded view of ${storage.bytes} bytes`);
}

/** The tensors of a program's result, and how to put their host copies in their places. Throws RUNTIME_OUTPUT, RUNTIME_TOO_LARGE. */
export function exitValue(value: RuntimeValue): { tensors: Tensor[]; rebuild: (hosts: readonly HostTensor[]) => HostValue } {
  const tensors: Tensor[] = [];
  let parts = 0;
  const template = (v: RuntimeValue, depth: number): ((hosts: readonly HostTensor[]) => HostValue) => {
    if (depth > DEEPEST_RESULT) throw tooLarge(`the model returns a value that nests deeper than ${DEEPEST_RESULT}`);
    checkItems(++parts, 'the result of the model');
    if (v === null || typeof v !== 'object') return () => v;
    if (isTensor(v)) {
      if (isComplex(v)) throw new QuantbenchError('RUNTIME_OUTPUT', `the model returns a complex tensor [${v.meta.shape.join(', ')}]`, 'Return torch.view_as_real of it.');
      checkExpanded(v);
      const at = tensors.push(v) - 1;
      return (hosts) => hosts[at]!;
    }
    if (Array.isArray(v)) {
      const items = v.map((e) => template(e, depth + 1));
      return (hosts) => items.map((p) => p(hosts));
    }
    if (v instanceof Map) {
      const entries = [...v].map(([k, e]) => [template(k, depth + 1), template(e, depth + 1)] as const);
      return (hosts) => new Map(entries.map(([k, e]) => [k(hosts), e(hosts)]));
    }
    throw new QuantbenchError('RUNTIME_OUTPUT', `the model returns ${describeValue(v)}, which is no tensor`, 'Wrap the model so that it returns tensors.');
  };
  const rebuild = template(value, 0);
  return { tensors, rebuild };
}
