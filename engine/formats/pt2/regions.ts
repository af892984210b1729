import type { Type } from '../../ir/types.ts';
import { namesOf, type Arg, type ExportedProgram, type ExportGraph, type ExportNode } from './program.ts';
import type { StackEntry } from './stack.ts';
import { isHostOnly, readTarget } from './targets.ts';

/**
 * One call of a module: a run of nodes `start` to `end` (not included) of the program that nothing else interrupts, with the calls within it.
 * torch.export flattens all modules into one graph; a region is cut out of it again and becomes the module's forward.
 */
export interface Region {
  /** Dotted path of the module, '' for the top. */
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** Its own nodes, and calls of modules below it, in order. */
  readonly items: readonly (ExportNode | Region)[];
}

/** Whether an item of a region is a call. */
export const isRegion = (item: ExportNode | Region): item is Region => 'items' in item;

/** The program as calls of modules, and which values cross their borders. */
export class Regions {
  readonly root: Region;
  readonly #nodes: readonly ExportNode[];
  /** Index of the node that makes a value; -1 for inputs and attributes. */
  readonly #madeAt = new Map<string, number>();
  /** Index of the last node that reads a value; Infinity where the program returns it. */
  readonly #readLast = new Map<string, number>();
  /** Every name that is read, branches of higher-order operators included. */
  readonly #read: ReadonlySet<string>;
  readonly #types = new Map<string, Type>();
  /** Name of a parameter, buffer or constant to its path. */
  readonly #attributes = new Map<string, string>();

  constructor(program: ExportedProgram) {
    this.#nodes = prune(program);
    this.#read = namesRead({ ...program.graph, nodes: this.#nodes });
    for (const spec of program.inputs) {
      if (spec.kind === 'parameter' || spec.kind === 'buffer' || spec.kind === 'constant') this.#attributes.set(spec.name, spec.path);
    }
    this.#note(program.graph.inputs, -1);
    this.#nodes.forEach((node, i) => {
      for (const n of namesOf(node.inputs.map((a) => a.arg))) this.#readLast.set(n, i);
      this.#note(node.outputs, i);
    });
    for (const n of namesOf(program.graph.outputs)) this.#readLast.set(n, Infinity);
    const stacks = stacksOf(this.#nodes);
    const split = splitCalls(stacks);
    this.root = { path: '', start: 0, end: this.#nodes.length, items: group(this.#nodes, stacks, split, 0, this.#nodes.length, 0, '') };
  }

  #note(args: readonly Arg[], at: number): void {
    for (const a of args) {
      if (a.kind === 'name') {
        this.#madeAt.set(a.name, at);
        this.#types.set(a.name, a.type);
      } else if (a.kind === 'list') this.#note(a.items, at);
    }
  }

  isRead(name: string): boolean { return this.#read.has(name); }
  producer(name: string): ExportNode | undefined { return this.#nodes[this.#madeAt.get(name) ?? -1]; }
  typeOf(name: string): Type { return this.#types.get(name)!; }
  /** Path of the parameter, buffer or constant that a name stands for. */
  attributePath(name: string): string | undefined { return this.#attributes.get(name); }

  /** Values from outside that a region reads, in the order in which it reads them; what its module holds itself is not among them. */
  inputsOf(region: Region): string[] {
    const found = new Set<string>();
    for (const node of this.#nodes.slice(region.start, region.end)) {
      for (const n of namesOf(node.inputs.map((a) => a.arg))) {
        const attribute = this.#attributes.get(n);
        if (attribute === undefined ? this.#madeAt.get(n)! < region.start : !isBelow(attribute, region.path)) found.add(n);
      }
    }
    return [...found];
  }

  /** Values that a region makes and others read. */
  outputsOf(region: Region): string[] {
    const out: string[] = [];
    for (const node of this.#nodes.slice(region.start, region.end)) {
      for (const n of namesOf(node.outputs)) if ((this.#readLast.get(n) ?? -1) >= region.end) out.push(n);
    }
    return out;
  }
}

/** Whether a module or attribute lies below a module. */
export function isBelow(path: string, module: string): boolean {
  return module === '' ? path !== '' : path.startsWith(`${module}.`);
}

/** The nodes without the checks that tracing left, and without the arithmetic on sizes that served only those. */
function prune(program: ExportedProgram): ExportNode[] {
  const read = new Set(namesOf(program.graph.outputs));
  const kept: ExportNode[] = [];
  for (const node of [...program.graph.nodes].reverse()) {
    if (readTarget(node.target).kind === 'dropped') continue;
    const outputs = [...namesOf(node.outputs)];
    if (isHostOnly(node.outputs) && !outputs.some((n) => read.has(n))) continue;
    for (const n of namesOf(node.inputs.map((i) => i.arg))) read.add(n);
    kept.push(node);
  }
  return kept.reverse();
}

function namesRead(graph: ExportGraph, into = new Set<string>()): Set<string> {
  for (const n of namesOf(graph.outputs)) into.add(n);
  for (const node of graph.nodes) {
    for (const { arg } of node.inputs) {
      for (const n of namesOf([arg])) into.add(n);
      if (arg.kind === 'graph') namesRead(arg.graph, into);
    }
  }
  return into;
}

/** Stacks below the top module. A node without one takes what the nodes before and after it have in common. */
function stacksOf(nodes: readonly ExportNode[]): StackEntry[][] {
  const own = nodes.map((n) => n.stack?.filter((e) => e.path !== '') ?? null);
  const after: StackEntry[][] = new Array<StackEntry[]>(nodes.length);
  let next: StackEntry[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) after[i] = next = own[i] ?? next;
  let before: StackEntry[] = [];
  return own.map((stack, i) => {
    if (stack) return before = stack;
    const common = before.findIndex((e, d) => after[i]![d]?.key !== e.key);
    return common < 0 ? before : before.slice(0, common);
  });
}

/** Keys of calls that do not stand in one piece: other modules' nodes stand between theirs. Their nodes stay where they are, in the caller. */
function splitCalls(stacks: readonly (readonly StackEntry[])[]): Set<string> {
  const seen = new Set<string>();
  const split = new Set<string>();
  let open = new Set<string>();
  for (const stack of stacks) {
    const now = new Set(stack.map((e) => e.key));
    for (const key of now) {
      if (open.has(key)) continue;
      if (seen.has(key)) split.add(key);
      seen.add(key);
    }
    open = now;
  }
  return split;
}

/** Items of the run from `start` to `end` (not included), whose stacks agree down to `depth`, within the module at `parent`. */
function group(
  nodes: readonly ExportNode[], stacks: readonly (readonly StackEntry[])[], split: ReadonlySet<string>,
  start: number, end: number, depth: number, parent: string,
): (ExportNode | Region)[] {
  const items: (ExportNode | Region)[] = [];
  for (let i = start; i < end;) {
    const entry = stacks[i]![depth];
    if (!entry) {
      items.push(nodes[i++]!);
      continue;
    }
    let j = i + 1;
    while (j < end && stacks[j]![depth]?.key === entry.key) j++;
    const cut = entry.path !== null && isBelow(entry.path, parent) && !split.has(entry.key);
    const path = cut ? entry.path! : parent;
    const inner = group(nodes, stacks, split, i, j, depth + 1, path);
    if (cut) items.push({ path, start: i, end: j, items: inner });
    else items.push(...inner);
    i = j;
  }
  return items;
}
