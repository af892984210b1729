import { QuantbenchError } from '../../../kernels/errors.ts';
import { T, type Type } from '../../ir/types.ts';
import type { SourceLocation } from '../../ir/graph.ts';
import type { Constant } from '../../ir/constant.ts';
import { damaged } from './errors.ts';
import type { Cursor } from './json.ts';
import { C10_LAYOUTS, C10_MEMORY_FORMATS, c10ScalarType } from './scalarTypes.ts';
import { locationOf, parseModuleStack, type StackEntry } from './stack.ts';

/** An argument of a node, or what a node or graph returns. */
export type Arg =
  | { readonly kind: 'name'; readonly name: string; readonly type: Type }
  | { readonly kind: 'constant'; readonly value: Constant; readonly type: Type }
  | { readonly kind: 'list'; readonly items: readonly Arg[]; readonly element: Type }
  /** A branch or body of a higher-order operator. It sees nothing but its inputs. */
  | { readonly kind: 'graph'; readonly graph: ExportGraph }
  /** A complex number, a custom object...: shows as an unsupported operator, so that inspect lists it. */
  | { readonly kind: 'foreign'; readonly tag: string };

export interface ExportNode {
  readonly name: string;
  /** `torch.ops.aten.conv2d.default`, `_operator.mul`. */
  readonly target: string;
  /** By name where the operator has a schema; the name is '' for Python's functions and higher-order operators. */
  readonly inputs: readonly { readonly name: string; readonly arg: Arg }[];
  readonly outputs: readonly Arg[];
  /** Null where a pass of PyTorch made the node without metadata. */
  readonly stack: readonly StackEntry[] | null;
  readonly location: SourceLocation | undefined;
}

export interface ExportGraph {
  readonly inputs: readonly Arg[];
  readonly outputs: readonly Arg[];
  readonly nodes: readonly ExportNode[];
}

/** What a placeholder of the graph stands for. */
export type InputSpec =
  | { readonly kind: 'user'; readonly arg: Arg }
  | { readonly kind: 'parameter' | 'buffer' | 'constant'; readonly name: string; readonly path: string }
  /** A custom object or an effect token: nothing that runs here reads one. */
  | { readonly kind: 'other'; readonly name: string };

export type OutputSpec =
  | { readonly kind: 'user'; readonly arg: Arg }
  /** The buffer or parameter at `path` takes this value. */
  | { readonly kind: 'attributeMutation'; readonly name: string; readonly path: string }
  | { readonly kind: 'inputMutation'; readonly name: string; readonly input: string }
  | { readonly kind: 'other' };

/** Sizes of a user input, null where symbolic. */
export interface InputMeta { readonly dtype: number; readonly sizes: readonly (number | null)[] }

/** An ExportedProgram, checked. */
export interface ExportedProgram {
  readonly graph: ExportGraph;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  /** Module paths in the order of named_modules. */
  readonly modulePaths: readonly string[];
  /** How the outputs nest, as a pytree's JSON; null where the file does not say. */
  readonly outSpec: string | null;
  readonly inputMetas: ReadonlyMap<string, InputMeta>;
  readonly torchVersion: string;
  readonly schemaMajor: number;
}

/** Reads and checks a program. Throws PT2_DAMAGED naming the field. */
export function readProgram(root: Cursor): ExportedProgram {
  const module = root.field('graph_module');
  const signature = module.field('signature');
  const graphField = module.field('graph');
  const calls = module.optional('module_call_graph')?.list() ?? [];
  const top = calls.find((c) => c.field('fqn').string() === '');
  const graph = readGraph(graphField);
  const inputs = signature.field('input_specs').list().map(readInputSpec);
  if (inputs.length !== graph.inputs.length) throw damaged(signature.where, `describes ${inputs.length} inputs, the graph has ${graph.inputs.length}`);
  const outputs = signature.field('output_specs').list().map(readOutputSpec);
  if (outputs.length !== graph.outputs.length) throw damaged(signature.where, `describes ${outputs.length} outputs, the graph has ${graph.outputs.length}`);
  return {
    graph, inputs, outputs,
    modulePaths: calls.map((c) => c.field('fqn').string().replace(/@\d+$/, '')),
    outSpec: top?.optional('signature')?.optional('out_spec')?.string() ?? null,
    inputMetas: readInputMetas(graphField, inputs),
    torchVersion: root.optional('torch_version')?.string() ?? '',
    schemaMajor: root.field('schema_version').field('major').int(),
  };
}

/** Nodes of all graphs; the largest exports known have ten thousand. */
const MOST_NODES = 30_000;
let nodeCount = 0;
/** Branches and bodies within one another. */
const DEEPEST_GRAPH = 6;
let graphDepth = 0;

function readGraph(c: Cursor): ExportGraph {
  if (graphDepth > DEEPEST_GRAPH) throw damaged(c.where, `graphs nest deeper than ${DEEPEST_GRAPH} levels`);
  if (graphDepth === 0) nodeCount = 0;
  graphDepth++;
  try {
    return readGraphHere(c);
  } finally {
    graphDepth--;
  }
}

function readGraphHere(c: Cursor): ExportGraph {
  const graph: ExportGraph = {
    inputs: c.field('inputs').list().map(readArg),
    outputs: c.field('outputs').list().map(readArg),
    nodes: c.field('nodes').list().map(readNode),
  };
  checkNames(graph, c);
  return graph;
}

function readNode(c: Cursor): ExportNode {
  if (++nodeCount > MOST_NODES) {
    throw new QuantbenchError('PT2_TOO_LARGE', `${c.where}: the program has more than ${MOST_NODES} nodes`, 'No exported program is this large; get the file from a source that you trust.');
  }
  const metadata = new Map((c.optional('metadata')?.entries() ?? []).map(([k, v]) => [k, v.string()]));
  const outputs = c.field('outputs').list().map(readArg);
  return {
    name: c.optional('name')?.string() ?? [...namesOf(outputs)][0] ?? '',
    target: c.field('target').string(),
    inputs: c.field('inputs').list().map((i) => ({ name: i.field('name').string(), arg: readArg(i.field('arg')) })),
    outputs,
    stack: parseModuleStack(metadata.get('nn_module_stack')),
    location: locationOf(metadata.get('stack_trace')),
  };
}

const constant = (value: Constant, type: Type): Arg => ({ kind: 'constant', value, type });
const none: Arg = constant(null, T.none);
const named = (c: Cursor, type: Type): Arg => ({ kind: 'name', name: c.field('name').string(), type });
const listOf = (c: Cursor, element: Type, one: (c: Cursor) => Arg): Arg => ({ kind: 'list', items: c.list().map(one), element });

/** `{as_name: "s0"}` or a plain value. */
function symbolic(c: Cursor, type: Type): Arg {
  const [tag, v] = c.tagged();
  switch (tag) {
    case 'as_name': return { kind: 'name', name: v.string(), type };
    case 'as_int': return constant(v.int(), type);
    case 'as_float': return constant(v.float(), type);
    case 'as_bool': return constant(v.bool(), type);
    default: throw c.bad('a name or a value');
  }
}

function optionalTensor(c: Cursor): Arg {
  const [tag, v] = c.tagged();
  return tag === 'as_tensor' ? named(v, T.tensor) : none;
}

function enumerated(c: Cursor, table: (n: number) => number | null | undefined): Arg {
  const n = table(c.int());
  return n === null || n === undefined ? none : constant(n, T.int);
}

const READERS: Readonly<Record<string, (c: Cursor) => Arg>> = {
  as_none: () => none,
  as_tensor: (c) => named(c, T.tensor),
  as_tensors: (c) => listOf(c, T.tensor, (e) => named(e, T.tensor)),
  as_optional_tensor: optionalTensor,
  as_optional_tensors: (c) => listOf(c, T.optional(T.tensor), optionalTensor),
  as_nested_tensors: (c) => listOf(c, T.list(T.tensor), (e) => listOf(e, T.tensor, (t) => named(t, T.tensor))),
  as_int: (c) => constant(c.int(), T.int),
  as_ints: (c) => listOf(c, T.int, (e) => constant(e.int(), T.int)),
  as_int_lists: (c) => listOf(c, T.list(T.int), (e) => listOf(e, T.int, (i) => constant(i.int(), T.int))),
  as_float: (c) => constant(c.float(), T.float),
  as_floats: (c) => listOf(c, T.float, (e) => constant(e.float(), T.float)),
  as_bool: (c) => constant(c.bool(), T.bool),
  as_bools: (c) => listOf(c, T.bool, (e) => constant(e.bool(), T.bool)),
  as_string: (c) => constant(c.string(), T.str),
  as_strings: (c) => listOf(c, T.str, (e) => constant(e.string(), T.str)),
  as_sym_int: (c) => symbolic(c, T.int),
  as_sym_ints: (c) => listOf(c, T.int, (e) => symbolic(e, T.int)),
  as_sym_float: (c) => symbolic(c, T.float),
  as_sym_floats: (c) => listOf(c, T.float, (e) => symbolic(e, T.float)),
  as_sym_bool: (c) => symbolic(c, T.bool),
  as_sym_bools: (c) => listOf(c, T.bool, (e) => symbolic(e, T.bool)),
  as_scalar_type: (c) => enumerated(c, c10ScalarType),
  as_memory_format: (c) => enumerated(c, (n) => C10_MEMORY_FORMATS[n]),
  as_layout: (c) => enumerated(c, (n) => C10_LAYOUTS[n]),
  as_device: (c) => constant(c.field('type').string(), T.device),
  as_graph: (c) => ({ kind: 'graph', graph: readGraph(c.field('graph')) }),
};

function readArg(c: Cursor): Arg {
  const [tag, v] = c.tagged();
  const read = Object.hasOwn(READERS, tag) ? READERS[tag] : undefined;
  return read ? read(v) : { kind: 'foreign', tag: tag.replace(/\W/g, '_') };
}

function readInputSpec(c: Cursor): InputSpec {
  const [tag, v] = c.tagged();
  const attribute = (kind: 'parameter' | 'buffer' | 'constant', field: string): InputSpec =>
    ({ kind, name: v.field('arg').field('name').string(), path: v.field(field).string() });
  switch (tag) {
    case 'user_input': return { kind: 'user', arg: readArg(v.field('arg')) };
    case 'parameter': return attribute('parameter', 'parameter_name');
    case 'buffer': return attribute('buffer', 'buffer_name');
    case 'tensor_constant': return attribute('constant', 'tensor_constant_name');
    case 'constant_input': return { kind: 'other', name: v.field('name').string() };
    case 'custom_obj': case 'token': return { kind: 'other', name: v.field('arg').field('name').string() };
    default: throw c.bad('a kind of input that torch.export has');
  }
}

function readOutputSpec(c: Cursor): OutputSpec {
  const [tag, v] = c.tagged();
  const name = (): string => v.field('arg').field('name').string();
  switch (tag) {
    case 'user_output': return { kind: 'user', arg: readArg(v.field('arg')) };
    case 'loss_output': return { kind: 'user', arg: named(v.field('arg'), T.tensor) };
    case 'buffer_mutation': return { kind: 'attributeMutation', name: name(), path: v.field('buffer_name').string() };
    case 'parameter_mutation': return { kind: 'attributeMutation', name: name(), path: v.field('parameter_name').string() };
    case 'user_input_mutation': return { kind: 'inputMutation', name: name(), input: v.field('user_input_name').string() };
    case 'gradient_to_parameter': case 'gradient_to_user_input': case 'token': return { kind: 'other' };
    default: throw c.bad('a kind of output that torch.export has');
  }
}

function readInputMetas(graph: Cursor, inputs: readonly InputSpec[]): Map<string, InputMeta> {
  const values = graph.optional('tensor_values');
  const out = new Map<string, InputMeta>();
  for (const spec of inputs) {
    if (spec.kind !== 'user' || spec.arg.kind !== 'name') continue;
    const meta = values?.optional(spec.arg.name);
    if (!meta) continue;
    const sizes = meta.field('sizes').list().map((s) => {
      const [tag, v] = s.tagged();
      return tag === 'as_int' ? v.int() : null;
    });
    out.set(spec.arg.name, { dtype: meta.field('dtype').int(), sizes });
  }
  return out;
}

/** Every value named in arguments, those of branches aside: they name only their own. */
export function* namesOf(args: readonly Arg[]): Generator<string> {
  for (const a of args) {
    if (a.kind === 'name') yield a.name;
    else if (a.kind === 'list') yield* namesOf(a.items);
  }
}

/** Every value is made once, before it is used. */
function checkNames(graph: ExportGraph, c: Cursor): void {
  const made = new Set<string>(namesOf(graph.inputs));
  const need = (names: Iterable<string>, who: string): void => {
    for (const n of names) if (!made.has(n)) throw damaged(c.where, `${who} reads ${JSON.stringify(n)}, which nothing before it makes`);
  };
  for (const node of graph.nodes) {
    need(namesOf(node.inputs.map((i) => i.arg)), `node ${node.name} (${node.target})`);
    for (const n of namesOf(node.outputs)) {
      if (made.has(n)) throw damaged(c.where, `node ${node.name} (${node.target}) makes ${JSON.stringify(n)} a second time`);
      made.add(n);
    }
  }
  need(namesOf(graph.outputs), 'the graph\'s output');
}
