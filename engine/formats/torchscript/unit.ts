import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Constant } from '../../ir/constant.ts';
import type { Graph, SourceLocation } from '../../ir/graph.ts';
import type { ModuleType } from '../../ir/module.ts';
import { T, type Type } from '../../ir/types.ts';
import type { ClassDef, Expr, FunctionDef, SourceModule } from './ast.ts';
import type { DebugInfo } from './debugInfo.ts';
import { damaged, unsupported } from './errors.ts';
import { lowerFunction, type Signature } from './lower/function.ts';
import { parseSource } from './parser.ts';
import { syntaxError } from './tokenizer.ts';
import { literalConstant } from './literals.ts';

/** Where the unit gets its text: a member of the archive, or nothing where there is none. */
export interface CodeSource {
  /** Archive path for messages. */
  readonly path: string;
  /** Source of a file like `__torch__/torch/nn/modules/conv.py`. */
  source(file: string): string | undefined;
  debugInfo(file: string): DebugInfo | undefined;
  /** `CONSTANTS.c0` and on. */
  constants(): readonly Constant[];
}

/** A definition and the file that it stands in. */
export interface Located<D> { readonly def: D; readonly module: SourceModule }

/** All code of an archive: finds classes and functions by qualified name, parses files and lowers functions when first asked for. */
export class CodeUnit {
  readonly code: CodeSource;
  readonly #modules = new Map<string, SourceModule | null>();
  readonly #debug = new Map<string, DebugInfo | undefined>();
  readonly #types = new Map<string, ScriptModuleType>();
  readonly #tuples = new Map<string, Type>();
  readonly #functions = new Map<string, Graph>();
  /** Functions being lowered; TorchScript has no recursion, so meeting one again is an error. */
  readonly #open = new Set<string>();
  /** NamedTuples whose fields are being looked at. */
  readonly #openTuples = new Set<string>();

  constructor(code: CodeSource) { this.code = code; }

  /** The class or function of a qualified name, or undefined. Throws TORCHSCRIPT_SYNTAX. */
  find(qualified: string): Located<ClassDef | FunctionDef> | undefined {
    const dot = qualified.lastIndexOf('.');
    if (dot < 0) return undefined;
    const file = `${qualified.slice(0, dot).replaceAll('.', '/')}.py`;
    let module = this.#modules.get(file);
    if (module === undefined) {
      const source = this.code.source(file);
      module = source === undefined ? null : parseSource(source, `${this.code.path}:code/${file}`);
      this.#modules.set(file, module);
    }
    const def = module?.definitions.get(qualified.slice(dot + 1));
    return def && module ? { def, module } : undefined;
  }

  findClass(qualified: string): Located<ClassDef> | undefined {
    const found = this.find(qualified);
    return found?.def.kind === 'class' ? { def: found.def, module: found.module } : undefined;
  }

  findFunction(qualified: string): Located<FunctionDef> | undefined {
    const found = this.find(qualified);
    return found?.def.kind === 'def' ? { def: found.def, module: found.module } : undefined;
  }

  /** Whether the archive has code for a class that is a module. */
  isModule(qualified: string): boolean { return this.findClass(qualified)?.def.base === 'Module'; }

  /** The module class of a qualified name. Throws TORCHSCRIPT_NO_CLASS. */
  moduleType(qualified: string): ScriptModuleType {
    let type = this.#types.get(qualified);
    if (!type) {
      const found = this.findClass(qualified);
      if (!found) {
        throw new QuantbenchError('TORCHSCRIPT_NO_CLASS', `${this.code.path}: the class ${qualified} has no code in the archive`,
          'The file is incomplete: save the model again with torch.jit.save.');
      }
      this.#types.set(qualified, type = new ScriptModuleType(this, qualified, found));
    }
    return type;
  }

  /** The type that an annotation names. Throws TORCHSCRIPT_SYNTAX or TORCHSCRIPT_UNSUPPORTED. */
  type(e: Expr, module: SourceModule): Type {
    const bad = (what: string): Error => syntaxError(module.file, module.source, e.at, what);
    switch (e.kind) {
      case 'name': {
        const simple = TYPE_NAMES[e.id];
        if (simple) return simple;
        throw bad(`${e.id} is not a known type`);
      }
      case 'const': if (e.value === null) return T.none; break;
      case 'attr': return this.namedType(qualifiedName(e) ?? '', module, e.at);
      case 'subscript': return this.#genericType(e, module);
      case 'string': return T.any; // a forward reference
      default: break;
    }
    throw bad('a type was expected');
  }

  /** A class by qualified name: a NamedTuple is a tuple type, anything else a class type. */
  namedType(qualified: string, module: SourceModule, at: number): Type {
    if (!qualified.startsWith('__torch__.')) throw syntaxError(module.file, module.source, at, `${qualified} is not a known type`);
    if (qualified.startsWith('__torch__.torch.classes.')) return T.cls(qualified);
    const known = this.#tuples.get(qualified);
    if (known) return known;
    const found = this.findClass(qualified);
    if (found?.def.base === 'Enum') {
      // A member is its value here: values of one enum are of one type and all differ.
      const [member] = this.enumMembers(qualified)!.values();
      return typeof member === 'string' ? T.str : typeof member === 'number' && !Number.isInteger(member) ? T.float : T.int;
    }
    if (found?.def.base !== 'NamedTuple') return T.cls(qualified);
    const { attributes } = found.def;
    if (this.#openTuples.has(qualified)) throw syntaxError(found.module.file, found.module.source, found.def.at, `${qualified} holds itself`);
    this.#openTuples.add(qualified);
    const type: Type = { kind: 'Tuple', name: qualified, fields: attributes.map((a) => a.name), elements: attributes.map((a) => this.type(a.type, found.module)) };
    this.#openTuples.delete(qualified);
    this.#tuples.set(qualified, type);
    return type;
  }

  /** The members of an enum by name, or undefined where the class is none. */
  enumMembers(qualified: string): ReadonlyMap<string, Constant> | undefined {
    const found = this.findClass(qualified);
    if (found?.def.base !== 'Enum') return undefined;
    return new Map(found.def.members.map(([name, value]) => [name, literalConstant(value, found.module)]));
  }

  #genericType(e: Expr & { kind: 'subscript' }, module: SourceModule): Type {
    const name = e.object.kind === 'name' ? e.object.id : '';
    const arg = (i: number): Type => {
      const item = e.items[i];
      if (!item) throw syntaxError(module.file, module.source, e.at, `${name} lacks a type`);
      return this.type(item, module);
    };
    switch (name) {
      case 'List': return T.list(arg(0));
      case 'Optional': {
        const inner = arg(0);
        return inner.kind === 'Optional' || inner.kind === 'None' ? inner : T.optional(inner);
      }
      case 'Dict': return T.dict(arg(0), arg(1));
      case 'Final': return arg(0);
      case 'Future': return arg(0);
      case 'Tuple': {
        const first = e.items[0];
        if (first?.kind === 'tuple' && e.items.length === 1) return T.tuple(first.items.map((i) => this.type(i, module)));
        return T.tuple(e.items.map((i) => this.type(i, module)));
      }
      case 'Union': {
        const types = e.items.map((i) => this.type(i, module));
        const some = types.filter((t) => t.kind !== 'None');
        if (some.length === 1) return some.length === types.length ? some[0]! : T.optional(some[0]!);
        // Unions of int and float are numbers, which operators take as Scalars.
        if (some.every((t) => t.kind === 'int' || t.kind === 'float' || t.kind === 'complex')) return some.length === types.length ? T.scalar : T.optional(T.scalar);
        return T.any;
      }
      default: throw syntaxError(module.file, module.source, e.at, `${name} is not a known generic type`);
    }
  }

  signature(found: Located<FunctionDef>): Signature {
    const { def, module } = found;
    return {
      name: def.name,
      params: def.params.map((p, i) => ({
        name: p.name, kwOnly: p.kwOnly, default: p.default, type: p.type ? this.type(p.type, module) : i === 0 && p.name === 'self' ? T.any : T.tensor,
      })),
      returns: def.returns ? this.type(def.returns, module) : null,
    };
  }

  /** The graph of a free function. Throws TORCHSCRIPT_*. */
  functionGraph(qualified: string): Graph {
    let graph = this.#functions.get(qualified);
    if (!graph) {
      const found = this.findFunction(qualified);
      if (!found) throw damaged(this.code.path, `the function ${qualified} has no code in the archive`);
      graph = this.lower(qualified, found);
      this.#functions.set(qualified, graph);
    }
    return graph;
  }

  /** Lowers a function or method, once at a time. Throws TORCHSCRIPT_TOO_DEEP where calls, and what stands in them, nest beyond what the host can follow. */
  lower(qualified: string, found: Located<FunctionDef>, self?: Type): Graph {
    if (this.#open.has(qualified)) throw unsupported(this.code.path, `${qualified} calls itself`);
    this.#open.add(qualified);
    try {
      return lowerFunction(this, found, self);
    } catch (e) {
      if (!(e instanceof RangeError)) throw e;
      throw new QuantbenchError('TORCHSCRIPT_TOO_DEEP', `${this.code.path}: calls and expressions nest too deep in ${qualified}`, 'No model needs this: check that the file is intact.');
    } finally {
      this.#open.delete(qualified);
    }
  }

  /** The place in the model's own Python of an offset in a file of the archive, or in the archive's code where that is not known. */
  location(module: SourceModule, at: number): SourceLocation {
    const file = module.file.slice(module.file.indexOf(':code/') + ':code/'.length);
    if (!this.#debug.has(file)) this.#debug.set(file, this.code.debugInfo(file));
    const origin = this.#debug.get(file)?.at(at);
    if (origin) return origin;
    return { file: `code/${file}`, ...lineOf(module, at) };
  }
}

const lineStarts = new WeakMap<SourceModule, number[]>();

/** Line and column of an offset, by bisection: lowering asks once for each node. */
function lineOf(module: SourceModule, at: number): { line: number; column: number } {
  let starts = lineStarts.get(module);
  if (!starts) {
    starts = [0];
    for (let i = module.source.indexOf('\n'); i >= 0; i = module.source.indexOf('\n', i + 1)) starts.push(i + 1);
    lineStarts.set(module, starts);
  }
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: at - starts[low]! };
}

const TYPE_NAMES: Readonly<Record<string, Type>> = {
  Tensor: T.tensor, int: T.int, float: T.float, bool: T.bool, str: T.str, NoneType: T.none, Device: T.device, number: T.scalar, Any: T.any,
  complex: { kind: 'complex' }, Generator: { kind: 'Generator' }, Storage: { kind: 'Storage' }, Layout: T.int, MemoryFormat: T.int, dtype: T.int, QScheme: T.int,
  List: T.list(T.tensor), Dict: T.dict(T.str, T.tensor), t: T.any, Stream: T.any, Capsule: T.any, AnyClassType: T.any, AnyListType: T.any, AnyTupleType: T.any,
};

/** `a.b.c` of nested attributes, or undefined where it is something else. */
export function qualifiedName(e: Expr): string | undefined {
  const parts: string[] = [];
  let at = e;
  for (; at.kind === 'attr'; at = at.object) parts.push(at.name);
  return at.kind === 'name' ? [at.id, ...parts.reverse()].join('.') : undefined;
}

/** A module class of the archive. */
export class ScriptModuleType implements ModuleType {
  readonly name: string;
  readonly attributeTypes: ReadonlyMap<string, Type>;
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly #unit: CodeUnit;
  readonly #found: Located<ClassDef>;
  readonly #graphs = new Map<string, Graph>();

  constructor(unit: CodeUnit, name: string, found: Located<ClassDef>) {
    const { def, module } = found;
    this.name = name;
    this.#unit = unit;
    this.#found = found;
    this.parameters = def.parameters;
    this.buffers = def.buffers;
    const types = new Map<string, Type>();
    const constants = new Map<string, Constant>();
    for (const a of def.attributes) {
      types.set(a.name, unit.type(a.type, module));
      if (a.value) constants.set(a.name, literalConstant(a.value, module));
    }
    this.attributeTypes = types;
    this.constants = constants;
  }

  methodNames(): readonly string[] { return this.#found.def.methods.map((m) => m.name); }

  methodSignature(name: string): Signature | undefined {
    const def = this.#found.def.methods.find((m) => m.name === name);
    return def && this.#unit.signature({ def, module: this.#found.module });
  }

  defaults(name: string): readonly (Constant | undefined)[] {
    const { module } = this.#found;
    return (this.methodSignature(name)?.params ?? []).slice(1).map((p) => (p.default ? literalConstant(p.default, module) : undefined));
  }

  /** The source file of the class, for default values of parameters. */
  get sourceModule(): SourceModule { return this.#found.module; }

  method(name: string): Graph {
    let graph = this.#graphs.get(name);
    if (!graph) {
      const def = this.#found.def.methods.find((m) => m.name === name);
      if (!def) {
        throw new QuantbenchError('TORCHSCRIPT_NO_METHOD', `${this.name} has no method ${name}; it has ${this.methodNames().join(', ') || 'none'}`,
          name === 'forward' ? 'Save a module that has a forward method.' : 'Check that the model file is intact.');
      }
      graph = this.#unit.lower(`${this.name}.${name}`, { def, module: this.#found.module }, T.cls(this.name));
      this.#graphs.set(name, graph);
    }
    return graph;
  }
}
