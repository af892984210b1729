import type { SourceLocation } from '../../ir/graph.ts';
import { unpickle, type PickleValue } from './unpickler.ts';

interface Entry { readonly from: number; readonly location: () => SourceLocation | undefined }

/** Lines of the source of one function that are looked through; hand-made files may share one long list among all their records. */
const MOST_LINES = 20_000;

/** Maps offsets in a source file of the archive to lines of the model's own Python. */
export class DebugInfo {
  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[]) { this.#entries = entries; }

  /** Where the code at byte `offset` came from; undefined where the file does not say. */
  at(offset: number): SourceLocation | undefined {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.from <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low - 1]?.location();
  }
}

/**
 * Reads a `.debug_pkl`: ("FORMAT_WITH_STRING_TABLE", strings, ((offset, ((text indices, file index, first line), start, end), tag)...)).
 * The older form without a table gives no locations. Throws UNPICKLE_*.
 */
export function readDebugInfo(bytes: Uint8Array, file: string): DebugInfo {
  const value = unpickle(bytes, file, {
    call: (g, args) => (g.qualified === 'torch.jit._pickle.build_intlist' ? args[0] : undefined),
    allows: (g) => g.qualified === 'torch.jit._pickle.build_intlist',
    persistent: () => null,
    build: () => null,
  });
  const [format, strings, records] = list(value);
  if (format !== 'FORMAT_WITH_STRING_TABLE') return new DebugInfo([]);
  const table = list(strings).map((s) => (typeof s === 'string' ? s : ''));
  const entries: Entry[] = [];
  for (const record of list(records)) {
    const [from, range] = list(record);
    if (typeof from === 'number') entries.push({ from, location: () => locationOf(list(range), table) });
  }
  return new DebugInfo(entries.sort((a, b) => a.from - b.from));
}

function locationOf(range: readonly PickleValue[], table: readonly string[]): SourceLocation | undefined {
  const [source, start] = range;
  const [texts, fileIndex, firstLine] = list(source);
  const file = table[Number(fileIndex)] ?? '';
  if (file === '' || typeof start !== 'number') return undefined;
  let lineStart = 0;
  let line = Number(firstLine);
  for (const index of list(texts).slice(0, MOST_LINES)) {
    const text = table[Number(index)] ?? '';
    if (start < lineStart + text.length || text === '') return { file, line, column: Math.max(0, start - lineStart), text: text.trimEnd() };
    lineStart += text.length;
    line++;
  }
  return { file, line, column: 0 };
}

const list = (v: PickleValue | undefined): readonly PickleValue[] => (Array.isArray(v) ? (v as PickleValue[]) : []);
