import type { NodeProto } from 'onnx-buf';

/** Where a node comes from: a dotted module path ('' for the top), and the classes along it where the exporter wrote them. */
export interface Scope { readonly path: string; readonly classes: readonly (readonly [path: string, className: string])[] }

/** Longer names are no module paths. */
const LONGEST = 400;

/** A module path in the characters of Python names and dots. */
export function cleanPath(text: string): string {
  return text.slice(0, LONGEST).split('.').map((p) => p.replace(/[^A-Za-z0-9_]/g, '_')).filter((p) => p !== '').map((p) => (p === 'training' ? 'training_' : p)).join('.');
}

/** `layers.0.conv1` of a node: from the metadata of PyTorch's newer exporter, else from names such as `/layers/layers.0/conv1/Conv`. */
export function scopeOf(node: NodeProto): Scope {
  const metadata = new Map(node.metadataProps.map((p) => [p.key, p.value]));
  const scopes = pythonStrings(metadata.get('pkg.torch.onnx.name_scopes'));
  if (scopes && scopes.length > 0) {
    // The last entry is the operator's own name.
    const paths = scopes.slice(0, -1).map(cleanPath);
    const classes = (pythonStrings(metadata.get('pkg.torch.onnx.class_hierarchy')) ?? []).slice(0, paths.length);
    return { path: paths.at(-1) ?? '', classes: classes.map((c, i) => [paths[i] ?? '', c] as const) };
  }
  const parts = node.name.split('/').slice(0, -1).filter((p) => p !== '');
  // A part that repeats the one before it, `layers/layers.0`, says where it lies in that list.
  const kept = parts.filter((p, i) => !(parts[i + 1]?.startsWith(`${p}.`) ?? false));
  return { path: cleanPath(kept.join('.')), classes: [] };
}

/** The strings of a Python list's text: `['', 'layers.0', "it's"]`. Null where it is not that. */
function pythonStrings(text: string | undefined): string[] | null {
  if (text === undefined || text.length > 10_000 || !text.startsWith('[')) return null;
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((m) => (m[1] ?? m[2]!).replace(/\\(.)/g, '$1'));
}
