import type { SourceLocation } from '../../ir/graph.ts';

/** One call of a module that a node was traced in: `nn_module_stack` is a list of them, outermost first. */
export interface StackEntry {
  /** Tells calls apart: the second call of one module has `@1` at its end. */
  readonly key: string;
  /** Dotted module path, '' for the top; null where the text names no path. */
  readonly path: string | null;
  /** `torch.nn.modules.conv.Conv2d`. */
  readonly type: string;
}

/** Modules nested deeper than this do not exist; what lies deeper counts as part of the module at the limit. */
const DEEPEST = 100;
/** What torch.export writes where a pass made a node without metadata. */
const NO_STACK = '_empty_nn_module_stack';

/**
 * Reads `nn_module_stack`: entries `key,path,type` joined by `;`. Null where the node has none.
 */
export function parseModuleStack(text: string | undefined): StackEntry[] | null {
  if (text === undefined || text === '' || text.startsWith(NO_STACK)) return null;
  const out: StackEntry[] = [];
  for (const entry of text.split(';', DEEPEST)) {
    const parts = splitAtCommas(entry);
    if (parts.length < 3) continue;
    out.push({ key: parts[0]!, path: modulePath(parts.slice(1, -1).join(',')), type: className(parts.at(-1)!) });
  }
  return out.length > 0 ? out : null;
}

/** Commas in brackets belong to a path such as `getattr(L['self'].layer1, '0')`. */
function splitAtCommas(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (c === ',' && depth === 0) {
      out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  out.push(text.slice(start));
  return out;
}

/** A class of the main script is known by its bare name, as in TorchScript; `@1` marks a type that was seen twice. */
function className(text: string): string {
  return text.trim().replace(/@\d+$/, '').replace(/^__main__\./, '').replace(/[^\w.]/g, '_') || 'torch.nn.modules.module.Module';
}

/**
 * `blocks.0.conv1` from any form that exporters write: the path itself, `L['self'].blocks[0].conv1`, `getattr(L['self'].blocks, '0').conv1`.
 */
export function modulePath(text: string): string | null {
  let t = text.trim().replace(/@\d+$/, '');
  for (let i = 0; i < DEEPEST && t.startsWith('getattr('); i++) {
    const m = /^getattr\((.*), *["']([\w]+)["']\)(.*)$/.exec(t);
    if (!m) return null;
    t = `${m[1]!}.${m[2]!}${m[3]!}`;
  }
  t = t.replace(/^L\[['"]self['"]\]\.?/, '').replace(/^L__self__\.?_*/, '').replace(/\[['"]?(\w+)['"]?\]/g, '.$1').replace(/(^|\.)_modules(?=\.|$)/g, '').replace(/^\./, '');
  if (t === '') return '';
  const segments = t.split('.');
  return segments.length <= DEEPEST && segments.every((s) => /^\w+$/.test(s)) ? t : null;
}

/** The innermost frame of the model's own code, or else the innermost frame, of Python's text `File "x.py", line 3, in forward`. */
export function locationOf(stackTrace: string | undefined): SourceLocation | undefined {
  if (!stackTrace) return undefined;
  let found: SourceLocation | undefined;
  let own = false;
  for (const m of stackTrace.matchAll(/File "([^"\n]{1,500})", line (\d{1,9})(?:, in [^\n]*)?(?:\n {4}([^\n]*))?/g)) {
    const library = /(^|\/)torch\//.test(m[1]!);
    if (own && library) continue;
    own ||= !library;
    found = { file: m[1]!, line: Number(m[2]), column: 0, ...(m[3] === undefined ? {} : { text: m[3] }) };
  }
  return found;
}
