import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import type { KernelOp } from '../op.ts';
import type { DType, HostTensor } from '../tensor.ts';
import { expectClose, runReference } from '../testing/check.ts';
import { floatOps } from './index.ts';

/** What kernels/testdata/make_float_cases.py writes. Numbers that JSON has no word for are strings. */
type JsonNumber = number | 'nan' | 'inf' | '-inf';
interface JsonTensor { readonly dtype: DType; readonly shape: number[]; readonly values: JsonNumber[] }
interface Case {
  readonly op: string; readonly inputs: JsonTensor[]; readonly attrs: unknown; readonly outputs: JsonTensor[]; readonly rtol: number; readonly atol: number;
}

const file = new URL('../testdata/float_cases.json', import.meta.url);
const present = existsSync(file);
if (!present) console.warn('kernels/testdata/float_cases.json is not there: run make_float_cases.py with PyTorch to compare with it');
const cases = present ? (JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }).cases : [];

const value = (v: JsonNumber): number => (v === 'nan' ? NaN : v === 'inf' ? Infinity : v === '-inf' ? -Infinity : v);
const tensor = (t: JsonTensor): HostTensor => hostTensor(t.dtype, t.shape, t.values.map(value));

/** Attributes with the three words turned back into numbers. */
function attributes(v: unknown): unknown {
  if (v === 'nan' || v === 'inf' || v === '-inf') return value(v);
  if (Array.isArray(v)) return v.map(attributes);
  if (typeof v === 'object' && v !== null) return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, attributes(e)]));
  return v;
}

describe.skipIf(!present)('references against PyTorch', () => {
  const byOp = Map.groupBy(cases, (c) => c.op);
  it.each([...byOp.keys()])('%s', (name) => {
    const op = floatOps.find((o) => o.name === name) as KernelOp | undefined;
    expect(op, `no operator ${name}`).toBeDefined();
    const failures: string[] = [];
    byOp.get(name)!.forEach((c, k) => {
      try {
        const got = runReference(op!, c.inputs.map(tensor), attributes(c.attrs));
        c.outputs.forEach((want, i) => {
          expect(got[i]!.meta.dtype).toBe(want.dtype);
          expectClose(got[i]!, tensor(want), c);
        });
      } catch (e) {
        failures.push(`case ${k} ${JSON.stringify(c.attrs)} of ${c.inputs.map((t) => `[${t.shape.join(', ')}]`).join(' ')}: ${(e as Error).message}`);
      }
    });
    expect(failures).toEqual([]);
  });

  it('every float operator has a case', () => {
    // copy and copyInto only move data, and full takes no input.
    expect(floatOps.map((o) => o.name).filter((n) => !byOp.has(n)).sort()).toEqual(['copy', 'copyInto', 'full']);
  });
});
