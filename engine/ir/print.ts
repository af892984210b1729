import { TensorData, isPackedParams, type Constant } from './constant.ts';
import { Graph, Node, type Block, type Value } from './graph.ts';
import { ModuleObject } from './module.ts';
import { PrintNames } from './names.ts';
import { scalarTypeName } from './tensorType.ts';
import { printType, type Type } from './types.ts';

export interface PrintOptions {
  /** `# file:line:col` after nodes that know where they came from. Default false. */
  readonly locations?: boolean;
  /** `, scope: __module.layers/__module.layers.0` after nodes that were inlined. Default true. */
  readonly scopes?: boolean;
  /** Names given to values, for readers that want to find a printed name again. */
  readonly names?: PrintNames;
}

/**
 * A graph in the textual form of PyTorch's own dumps (torch/csrc/jit/ir/ir.cpp), so that the two can be compared line by line. Values keep their
 * debug names; the others are numbered in order.
 */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  const names = options.names ?? new PrintNames();
  names.claim(allValues(graph.block));
  const printer = new Printer(names, options);
  const params = graph.inputs.map((v) => printer.declare(v)).join(',\n      ');
  return `graph(${params}):\n${printer.nodes(graph.block, 1)}  return (${graph.outputs.map((v) => printer.use(v)).join(', ')})\n`;
}

function* allValues(block: Block): Generator<Value> {
  yield* block.inputs;
  for (const n of block.nodes) {
    for (const b of n.blocks) yield* allValues(b);
    yield* n.outputs;
  }
}

class Printer {
  readonly #names: PrintNames;
  readonly #options: PrintOptions;

  constructor(names: PrintNames, options: PrintOptions) {
    this.#names = names;
    this.#options = options;
  }

  use(v: Value): string { return `%${this.#names.of(v)}`; }
  declare(v: Value): string { return `${this.use(v)} : ${printType(v.type)}`; }

  nodes(block: Block, depth: number): string {
    return block.nodes.map((n) => this.node(n, depth)).join('');
  }

  node(n: Node, depth: number): string {
    const indent = '  '.repeat(depth);
    const outputs = n.outputs.map((v) => this.declare(v)).join(', ');
    const inputs = n.inputs.map((v) => this.use(v)).join(', ');
    const head = `${indent}${outputs} = ${n.kind}${printAttributes(n)}(${inputs})${this.#suffix(n)}\n`;
    return head + n.blocks.map((b, i) => this.#block(b, i, depth)).join('');
  }

  #block(b: Block, index: number, depth: number): string {
    const indent = '  '.repeat(depth);
    const inputs = b.inputs.map((v) => this.declare(v)).join(', ');
    const body = this.nodes(b, depth + 2);
    return `${indent}  block${index}(${inputs}):\n${body}${indent}    -> (${b.outputs.map((v) => this.use(v)).join(', ')})\n`;
  }

  #suffix(n: Node): string {
    const scope = n.scope !== '' && this.#options.scopes !== false ? `, scope: ${printScope(n.scope)}` : '';
    const l = this.#options.locations === true ? n.location : undefined;
    return scope + (l ? ` # ${l.file}:${l.line}:${l.column}` : '');
  }
}

/** `__module.layers/__module.layers.0` of `layers.0`. */
function printScope(path: string): string {
  const parts = path.split('.');
  return parts.map((_, i) => `__module.${parts.slice(0, i + 1).join('.')}`).join('/');
}

/** `[name="fc"]`, `[value=[1, 1]]`; nothing where there are none, nor for None. */
function printAttributes(n: Node): string {
  const type = n.kind === 'prim::Constant' ? n.outputs[0]?.type : undefined;
  const shown: string[] = [];
  for (const [name, value] of n.attributes) {
    if (value instanceof Graph || (n.kind === 'prim::Constant' && value === null)) continue;
    shown.push(`${name}=${printConstant(value, type)}`);
  }
  return shown.length > 0 ? `[${shown.join(', ')}]` : '';
}

/** A constant as dumps show it. The type tells ints from floats, both being numbers. */
export function printConstant(value: Constant, type?: Type): string {
  const inner = type?.kind === 'Optional' ? type.element : type;
  switch (typeof value) {
    case 'number': return inner?.kind === 'float' || !Number.isInteger(value) ? printFloat(value) : printInt(value);
    case 'boolean': return value ? '1' : '0';
    case 'string': return printString(value);
    default: break;
  }
  if (value === null) return 'None';
  if (value instanceof TensorData) return printTensor(value);
  if (Array.isArray(value)) {
    const items = value as readonly Constant[];
    if (inner?.kind === 'Tuple') return `(${items.map((v, i) => printConstant(v, inner.elements[i])).join(', ')})`;
    return `[${items.map((v) => printConstant(v, inner?.kind === 'List' ? inner.element : undefined)).join(', ')}]`;
  }
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<Constant, Constant>)].map(([k, v]) => `${printConstant(k)}: ${printConstant(v)}`);
    return `{${entries.join(', ')}}`;
  }
  if (value instanceof ModuleObject) return `<${value.type.name} object>`;
  return isPackedParams(value) ? `<${value.op} packed params>` : '<object>';
}

function printInt(v: number): string {
  // The largest int64 is no double: it is held as 2^63.
  return v >= 2 ** 63 ? '9223372036854775807' : BigInt(v).toString();
}

/**
 * C++'s default form with 17 significant digits, as PyTorch prints doubles: 0.10000000000000001, 1.0000000000000001e-05, and `1.` for whole numbers.
 */
export function printFloat(v: number): string {
  if (Number.isNaN(v)) return 'nan';
  if (!Number.isFinite(v)) return v > 0 ? 'inf' : '-inf';
  if (Number.isInteger(v) && Math.abs(v) < 1e10) return `${Object.is(v, -0) ? '-0' : v}.`;
  const exponent = v === 0 ? 0 : Number(v.toExponential(16).split('e')[1]);
  if (exponent < -4 || exponent >= 17) {
    const [mantissa, power] = v.toExponential(16).split('e') as [string, string];
    const sign = power.startsWith('-') ? '-' : '+';
    return `${trimZeros(mantissa)}e${sign}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
  }
  return trimZeros(v.toPrecision(17));
}

const trimZeros = (s: string): string => (s.includes('.') ? s.replace(/0+$/, '').replace(/\.$/, '') : s);

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '"': '\\"', '\\': '\\\\', "'": "\\'" };

function printString(s: string): string {
  let out = '';
  for (const c of s) {
    const escaped = ESCAPES[c];
    if (escaped !== undefined) out += escaped;
    else if (c >= ' ' && c <= '~') out += c;
    else for (const b of new TextEncoder().encode(c)) out += `\\${b.toString(8).padStart(3, '0')}`;
  }
  return `"${out}"`;
}

const MAX_INLINE = 10;

/** Short one-dimensional tensors are shown with their values, others as `<Tensor>`. */
function printTensor(t: TensorData): string {
  const n = t.shape.reduce((a, b) => a * b, 1);
  if (t.shape.length > 1 || n > MAX_INLINE || (t.dtype !== 'float32' && t.dtype !== 'int64')) return '<Tensor>';
  const { meta, data } = t.host();
  const values = Array.from({ length: n }, (_, i) => data[meta.offset + i * (meta.strides[0] ?? 0)]!);
  const suffix = `[ CPU${scalarTypeName(t.dtype)}Type{${t.shape.length === 0 ? '' : n}} ]`;
  if (t.shape.length === 0) return `{${t.dtype === 'int64' ? String(values[0]) : shortFloat(values[0]!)}}`;
  if (t.dtype === 'int64') return `${alignRight(values.map(String))} ${suffix}`;
  return `${alignRight(values.map((v) => v.toFixed(4)))} ${suffix}`;
}

const shortFloat = (v: number): string => String(Number(v.toPrecision(6)));

function alignRight(words: readonly string[]): string {
  const width = Math.max(0, ...words.map((w) => w.length));
  return words.map((w) => w.padStart(width)).join(' ');
}
