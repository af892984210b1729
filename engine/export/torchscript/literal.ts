import { TensorData, type Constant } from '../../ir/constant.ts';
import { printConstant } from '../../ir/print.ts';
import type { Type } from '../../ir/types.ts';
import { annotation } from './annotation.ts';

/** Tensors that the source refers to as `CONSTANTS.c0` and on: the tuple of constants.pkl. */
export class ConstantTable {
  readonly tensors: TensorData[] = [];
  readonly #index = new Map<TensorData, number>();

  reference(t: TensorData): string {
    let i = this.#index.get(t);
    if (i === undefined) {
      this.#index.set(t, i = this.tensors.length);
      this.tensors.push(t);
    }
    return `CONSTANTS.c${i}`;
  }
}

/**
 * A constant as TorchScript source; undefined where source cannot say it (an object). The type tells ints from floats and what an empty list holds.
 * Floats have 17 digits, so that the same double is read back.
 */
export function literal(value: Constant, type: Type, table: ConstantTable): string | undefined {
  const t = type.kind === 'Optional' ? type.element : type;
  if (value === null) return 'None';
  if (value instanceof TensorData) return table.reference(value);
  if (typeof value === 'string') return t.kind === 'Device' ? `torch.device(${printConstant(value)})` : printConstant(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return number(value, t);
  if (Array.isArray(value)) return sequence(value as readonly Constant[], t, table);
  if (value instanceof Map) return dict(value as ReadonlyMap<Constant, Constant>, t, table);
  return undefined;
}

function number(v: number, t: Type): string {
  if (t.kind === 'bool') return v === 0 ? 'False' : 'True';
  const text = printConstant(v, t);
  // A whole float of 1e10 and more is printed without a point, which would be read as an int.
  return t.kind !== 'int' && (t.kind === 'float' || !Number.isInteger(v)) && /^-?\d+$/.test(text) ? `${text}.` : text;
}

function sequence(items: readonly Constant[], t: Type, table: ConstantTable): string | undefined {
  const texts = items.map((v, i) => literal(v, t.kind === 'Tuple' ? t.elements[i] ?? { kind: 'Any' } : t.kind === 'List' ? t.element : { kind: 'Any' }, table));
  if (texts.some((x) => x === undefined)) return undefined;
  if (t.kind === 'Tuple') return t.name !== undefined ? `${t.name}(${texts.join(', ')})` : tupleText(texts as string[]);
  return listText(texts as string[], t);
}

function dict(entries: ReadonlyMap<Constant, Constant>, t: Type, table: ConstantTable): string | undefined {
  if (t.kind !== 'Dict') return undefined;
  const texts = [...entries].map(([k, v]) => [literal(k, t.key, table), literal(v, t.value, table)] as const);
  if (texts.some(([k, v]) => k === undefined || v === undefined)) return undefined;
  return dictText(texts as (readonly [string, string])[], t);
}

/** `(a, b)`, `(a,)`. */
export function tupleText(items: readonly string[]): string {
  return items.length === 1 ? `(${items[0]!},)` : `(${items.join(', ')})`;
}

/** `[a, b]`, with the type where the elements do not tell it. */
export function listText(items: readonly string[], type: Type): string {
  const text = `[${items.join(', ')}]`;
  const unclear = items.length === 0 || (type.kind === 'List' && (type.element.kind === 'Optional' || type.element.kind === 'Any' || type.element.kind === 'Scalar'));
  return unclear && type.kind === 'List' ? `annotate(${annotation(type)}, ${text})` : text;
}

export function dictText(entries: readonly (readonly [string, string])[], type: Type): string {
  const text = `{${entries.map(([k, v]) => `${k}: ${v}`).join(', ')}}`;
  return entries.length === 0 ? `annotate(${annotation(type)}, ${text})` : text;
}
