/** Mutators of JSON that keep it JSON: values of another kind, extremes, members missing, doubled or nested without end. */
import { TEXT_NUMBERS } from './mutate.ts';
import type { Random } from './random.ts';

type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string | number };

/** The JSON text of a value after one to three mutations. */
export function mutateJson(value: unknown, r: Random): string {
  const root = { value: structuredClone(value) };
  let raw: [string, string] | null = null;
  for (let n = r.int(1, 3); n > 0; n--) {
    const places = allPlaces(root);
    if (places.length === 0) break;
    const { holder, key } = r.pick(places);
    const at = holder as Record<string | number, unknown>;
    switch (r.below(9)) {
      case 0: if (Array.isArray(holder)) holder.splice(Number(key), 1); else delete at[key]; break;
      case 1: at[key] = r.pick<unknown>([null, true, false, '', 'x', [], {}, [[]], { as_int: 1 }, { as_none: true }]); break;
      case 2: at[key] = Number(r.pick(TEXT_NUMBERS)) || 0; break;
      case 3: at[key] = structuredClone(valueAt(r.pick(places))); break;
      case 4: if (Array.isArray(holder)) holder.splice(Number(key), 0, ...new Array<unknown>(r.pick([1, 2, 1000])).fill(holder[Number(key)])); break;
      case 5: { const { holder: h, key: k } = r.pick(places); if (h === holder) [at[key], at[k]] = [at[k], at[key]]; break; }
      case 6: if (typeof at[key] === 'string') at[key] = r.pick([(at[key] as string).repeat(r.pick([2, 500])), (at[key] as string).slice(1), '../../x', '\u0000', '__proto__']); break;
      case 7: if (!Array.isArray(holder)) { at[r.pick(['__proto__', 'constructor', 'toString', `${key}2`])] = at[key]; delete at[key]; } break;
      default: raw = [`"MARK${n}"`, r.pick([...TEXT_NUMBERS, '['.repeat(50_000), '{"a":'.repeat(1000), `"${'a'.repeat(100_000)}"`])]; at[key] = `MARK${n}`; break;
    }
  }
  const text = JSON.stringify(root.value) ?? '';
  return raw ? text.replace(raw[0], () => raw![1]) : text;
}

const valueAt = ({ holder, key }: Place): unknown => (holder as Record<string | number, unknown>)[key];

function allPlaces(root: Record<string, unknown>): Place[] {
  const out: Place[] = [];
  const visit = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null || out.length > 20_000) return;
    for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
      out.push({ holder: holder as Record<string, unknown>, key });
      visit(valueAt(out.at(-1)!));
    }
  };
  visit(root);
  return out;
}
