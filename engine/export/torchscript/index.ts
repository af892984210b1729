import { createHash } from 'node:crypto';
import { isPackedParams, TensorData, type Constant, type PackedParams } from '../../ir/constant.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { demangle, ModuleObject } from '../../ir/module.ts';
import { printType, T, type Type } from '../../ir/types.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { numbersOf } from '../../passes/nodes.ts';
import { contiguousStrides } from '../../../kernels/layout.ts';
import { numel } from '../../../kernels/tensor.ts';
import { Unsupported } from '../unsupported.ts';
import { annotation } from './annotation.ts';
import { qualifiedClassName } from './identifiers.ts';
import { ConstantTable } from './literal.ts';
import { packedClass, packedObject } from './packedState.ts';
import { call, PickleName, tuple, writePickle, type PickleItem } from './pickleWriter.ts';
import { printMethod } from './sourcePrinter.ts';
import { storedZip, type Member } from './storedZip.ts';
import { elementBytes, STORAGE_CLASS, tensorBytes } from './tensorBytes.ts';

/** PyTorch's file format versions that changed the meaning of an operator (torch/csrc/jit/operator_upgraders/version_map.h); older readers take all else. */
const VERSION_OF: Readonly<Record<string, number>> = { div: 4, div_: 4, full: 5, linspace: 8, logspace: 9, gelu: 10, gelu_: 10 };
const OLDEST_VERSION = 3;

export interface TorchScriptExport {
  /** A frozen or converted graph: calls inlined. First input: the module. */
  readonly graph: Graph;
  /** Holds the packed params that the graph reads. */
  readonly module: ModuleObject;
  /** Name of the archive's folder; PyTorch takes the file's. */
  readonly name: string;
}

/**
 * A graph as a TorchScript archive that torch.jit.load runs: code as source, packed params and tensors as pickles. The same graph gives the same bytes.
 * Throws EXPORT_UNSUPPORTED_OP naming every op that cannot be written, EXPORT_TOO_LARGE.
 */
export function exportTorchScript(request: TorchScriptExport): Uint8Array {
  const graph = cloneGraph(request.graph);
  const unsupported = new Unsupported();
  const packed = resolveAttributes(graph, request.module, unsupported);
  const className = qualifiedClassName(demangle(request.module.type.name));
  const table = new ConstantTable();
  graph.name = 'forward';
  const method = printMethod(graph, className, table, unsupported);
  unsupported.throwIfAny('TorchScript', 'Export another format, or leave that part out of the model.');
  const data = new TensorRecords('data');
  const constants = new TensorRecords('constants');
  const attributes = new Map<string, PickleItem>([['training', false], ...[...packed].map(([name, p]) => [name, packedObject(p, (t) => data.tensor(t))] as const)]);
  const members: Member[] = [
    { name: 'data.pkl', data: writePickle({ kind: 'object', className: PickleName.of(className), state: attributes }) },
    { name: 'constants.pkl', data: writePickle(tuple(...table.tensors.map((t) => constants.tensor(t)))) },
    ...sources(graph, className, packed, method),
    { name: 'version', data: text(`${versionOf(graph)}\n`) },
    { name: 'byteorder', data: text('little') },
    ...data.members, ...constants.members,
  ];
  return storedZip(archiveName(request.name), [...members, { name: '.data/serialization_id', data: text(serializationId(members)) }]);
}

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const archiveName = (name: string): string => name.replace(/[^\w.-]/g, '_').replace(/^\.+/, '') || 'model';

function versionOf(graph: Graph): number {
  return Math.max(OLDEST_VERSION, ...[...graph.walk()].map((n) => (n.kind.startsWith('aten::') ? VERSION_OF[n.kind.slice(6)] ?? 0 : 0)));
}

/** 40 digits that tell this archive from others, as PyTorch's. */
function serializationId(members: readonly Member[]): string {
  const hash = createHash('sha256');
  for (const m of members) hash.update(m.name).update(m.data);
  return [...hash.digest().subarray(0, 20)].map((b) => String(b % 100).padStart(2, '0')).join('');
}

/** Reads of the module become constants, but for packed params, which stay attributes: they are returned by name. */
function resolveAttributes(graph: Graph, module: ModuleObject, unsupported: Unsupported): Map<string, PackedParams> {
  const packed = new Map<string, PackedParams>();
  const objects = new Map<Value, ModuleObject>([[graph.inputs[0]!, module]]);
  for (const n of [...graph.walk()]) {
    if (n.kind === 'prim::Constant') readAsAttribute(graph, n, packed);
    if (n.kind === 'aten::quantize_per_channel') qparamsAsTensors(graph, n);
    if (n.kind !== 'prim::GetAttr') continue;
    const name = n.attributes.get('name') as string;
    const value: Constant | undefined = objects.get(n.input(0))?.attributes.get(name);
    if (value instanceof ModuleObject) objects.set(n.output, value);
    else if (isPackedParams(value) && n.input(0) === graph.inputs[0]) {
      packed.set(name, value);
      n.output.type = T.cls(packedClass(value));
    }
    else if (value === undefined || isPackedParams(value)) unsupported.add(`attribute ${name}`, n.scope);
    else {
      const constant = graph.constant(value, value instanceof TensorData ? T.tensor : n.output.type);
      n.owner.insertBefore(constant, n);
      n.output.replaceAllUsesWith(constant.output);
      n.destroy();
    }
  }
  for (const v of [...objects.keys()].reverse()) if (v.node && v.uses.length === 0) v.node.destroy();
  return packed;
}

/** Packed params that are a constant (of a frozen int8 model) become an attribute, the only form in which source can say them. */
function readAsAttribute(graph: Graph, n: Node, packed: Map<string, PackedParams>): void {
  const value = n.attributes.get('value');
  if (value === undefined || !isPackedParams(value)) return;
  const name = [...packed].find(([, p]) => p === value)?.[0] ?? `packed_params_${packed.size}`;
  packed.set(name, value);
  const get = graph.create('prim::GetAttr', [graph.inputs[0]!], [T.cls(packedClass(value))]);
  get.attributes.set('name', name);
  get.output.name = name;
  n.owner.insertBefore(get, n);
  n.output.replaceAllUsesWith(get.output);
  n.destroy();
}

/** PyTorch takes scales and zero points of quantize_per_channel as tensors; the converted graph holds them as lists. */
function qparamsAsTensors(graph: Graph, n: Node): void {
  for (const [i, dtype] of [[1, 'float64'], [2, 'int64']] as const) {
    const values = numbersOf(n.input(i));
    if (!values) continue;
    const meta = { dtype, shape: [values.length], strides: [1], offset: 0 };
    const constant = graph.constant(TensorData.of({ meta, data: dtype === 'int64' ? Int32Array.from(values) : Float32Array.from(values) }), T.tensor);
    n.owner.insertBefore(constant, n);
    n.setInput(i, constant.output);
  }
}

/** The archive's code: the module, the named tuples that it uses, and the (empty) file of the packed classes, as PyTorch writes it. */
function sources(graph: Graph, className: string, packed: ReadonlyMap<string, PackedParams>, method: string): Member[] {
  const attributes = ['training : bool', ...[...packed].map(([name, p]) => `__annotations__[${JSON.stringify(name)}] = ${packedClass(p)}`)];
  const head = ['__parameters__ = []', '__buffers__ = []', '__annotations__ = []', ...attributes];
  const classes = new Map([[className, `(Module):\n${head.map((l) => `  ${l}\n`).join('')}${method}`]]);
  for (const t of namedTuples(graph)) {
    classes.set(t.name, `(NamedTuple):\n${t.elements.map((e, i) => `  ${t.fields[i]!} : ${annotation(e)}\n`).join('')}`);
  }
  const files = new Map<string, string>();
  for (const [name, body] of classes) {
    const dot = name.lastIndexOf('.');
    const file = `code/${name.slice(0, dot).replaceAll('.', '/')}.py`;
    files.set(file, `${files.get(file) ?? ''}class ${name.slice(dot + 1)}${body}`);
  }
  if (packed.size > 0) files.set('code/__torch__/torch/classes/quantized.py', '');
  return [...files].map(([name, source]) => ({ name, data: text(source) }));
}

interface NamedTupleType { readonly name: string; readonly elements: readonly Type[]; readonly fields: readonly string[] }

function namedTuples(graph: Graph): NamedTupleType[] {
  const found = new Map<string, NamedTupleType>();
  const visit = (t: Type): void => {
    switch (t.kind) {
      case 'Tuple':
        t.elements.forEach(visit);
        if (t.name !== undefined) found.set(printType(t), { name: t.name, elements: t.elements, fields: t.fields ?? t.elements.map((_, i) => `field${i}`) });
        break;
      case 'List': case 'Optional': visit(t.element); break;
      case 'Dict': visit(t.value); break;
      default: break;
    }
  };
  for (const n of graph.walk()) for (const v of [...n.outputs, ...n.inputs]) visit(v.type);
  for (const v of graph.outputs) visit(v.type);
  return [...found.values()];
}

/** Tensors of one pickle: each becomes a record of the archive, once. */
class TensorRecords {
  readonly members: Member[] = [];
  readonly #folder: string;
  readonly #records = new Map<TensorData, string>();

  constructor(folder: string) { this.#folder = folder; }

  /** `torch._utils._rebuild_tensor_v2(...)`, or _rebuild_qtensor with the qparams. */
  tensor(t: TensorData): PickleItem {
    const { meta } = t.host();
    const { shape, q } = meta;
    const ints = (values: readonly number[]): PickleItem => tuple(...values);
    const known = this.#records.get(t);
    const storage = this.#storage(STORAGE_CLASS[t.dtype], numel(shape), known ?? this.#add(tensorBytes(t.host())));
    if (known === undefined) this.#records.set(t, String(this.members.length - 1));
    const head = [storage, 0, ints(shape), ints(contiguousStrides(shape))];
    const tail = [false, call('collections.OrderedDict')];
    if (!q) return call('torch._utils._rebuild_tensor_v2', ...head, ...tail);
    const scheme = new PickleName('torch', q.scheme);
    const qparams = q.scheme === 'per_tensor_affine' ? tuple(scheme, { kind: 'float', value: q.scale }, q.zeroPoint)
      : tuple(scheme, this.#values('float64', q.scales), this.#values('int64', q.zeroPoints), q.axis);
    return call('torch._utils._rebuild_qtensor', ...head, qparams, ...tail);
  }

  #values(dtype: 'float64' | 'int64', values: readonly number[]): PickleItem {
    const storage = this.#storage(STORAGE_CLASS[dtype], values.length, this.#add(elementBytes(dtype, values)));
    return call('torch._utils._rebuild_tensor_v2', storage, 0, tuple(values.length), tuple(1), false, call('collections.OrderedDict'));
  }

  #storage(storageClass: string, elements: number, record: string): PickleItem {
    return { kind: 'persistent', id: ['storage', new PickleName('torch', storageClass), record, 'cpu', elements] };
  }

  #add(bytes: Uint8Array): string {
    this.members.push({ name: `${this.#folder}/${this.members.length}`, data: bytes });
    return String(this.members.length - 1);
  }
}
