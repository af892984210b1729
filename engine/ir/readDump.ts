/** One node of a graph dump in PyTorch's textual form. */
export interface DumpNode {
  readonly kind: string;
  /** What stands in brackets after the kind: `name="fc"`, `value=[1, 1]`; '' where there is none. */
  readonly attributes: string;
  /** Names without `%`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
  /** Two spaces each; 1 at the top. */
  readonly depth: number;
  /** What a prim::Constant holds, where the dump shows it: tensors do not. */
  readonly constant?: DumpConstant;
}

export type DumpConstant = null | number | string | boolean | readonly DumpConstant[];

/** The nodes of a dump, in order, those of blocks included. Lines that are no nodes (block heads, returns) are skipped. */
export function readDump(text: string): DumpNode[] {
  return text.split('\n').flatMap((line) => readLine(line) ?? []);
}

function readLine(line: string): DumpNode | undefined {
  const m = /^(\s+)((?:%\S+ : .*?)?) ?= ([\w]+::[\w]+)/.exec(line);
  if (!m) return undefined;
  const [, indent, outputs, kind] = m as unknown as [string, string, string, string];
  let at = m[0].length;
  let attributes = '';
  if (line[at] === '[') {
    const end = closing(line, at);
    attributes = line.slice(at + 1, end);
    at = end + 1;
  }
  if (line[at] !== '(') return undefined;
  const inputs = line.slice(at + 1, closing(line, at)).split(',').map((s) => s.trim().replace(/^%/, '')).filter((s) => s !== '');
  const declared = splitOutputs(outputs);
  const constant = kind === 'prim::Constant' ? readConstant(attributes, declared[0]?.type ?? '') : undefined;
  return { kind, attributes, inputs, outputs: declared, depth: Math.ceil(indent.length / 2), ...(constant === undefined ? {} : { constant }) };
}

/** Index of the bracket that closes the one at `open`; strings are skipped. */
function closing(line: string, open: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = open; i < line.length; i++) {
    const c = line[i]!;
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c) && --depth === 0) return i;
  }
  return line.length;
}

/** `%a : Float(2, 3), %b : int`: a comma starts an output only before a `%`. */
function splitOutputs(text: string): { name: string; type: string }[] {
  return text.split(/, (?=%)/).filter((s) => s !== '').map((s) => {
    const colon = s.indexOf(' : ');
    return { name: s.slice(1, colon), type: s.slice(colon + 3) };
  });
}

function readConstant(attributes: string, type: string): DumpConstant | undefined {
  if (attributes === '') return null;
  if (!attributes.startsWith('value=')) return undefined;
  return readValue(attributes.slice('value='.length), type);
}

function readValue(text: string, type: string): DumpConstant | undefined {
  if (text.startsWith('"')) return text.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  if (text.startsWith('[') && text.endsWith(']')) {
    const items = text.slice(1, -1).split(',').map((s) => s.trim()).filter((s) => s !== '').map((s) => readValue(s, type.replace(/\[\]$/, '')));
    return items.every((v) => v !== undefined) ? items : undefined;
  }
  if (type === 'bool') return text === '1';
  if (text === 'inf' || text === '-inf') return text === 'inf' ? Infinity : -Infinity;
  return /^-?[\d.]+(e[+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}
