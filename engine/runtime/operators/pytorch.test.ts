import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import type { DType, HostTensor } from '../../../kernels/tensor.ts';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { T, type Type } from '../../ir/types.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { EagerExecutor } from '../eager.ts';
import { EagerContext } from '../eagerContext.ts';
import { enterValue, isHostTensor, type HostValue } from '../hostValue.ts';
import { ScriptedExecutor } from '../scripted.ts';
import { isTensor, type RuntimeValue } from '../value.ts';
import { runOperator } from './index.ts';
import { scalarTypeOf } from './support.ts';

/** What kernels/testdata/make_operator_cases.py writes. Numbers that JSON has no word for are strings. */
type JsonNumber = number | 'nan' | 'inf' | '-inf';
type Json = null | boolean | number | string | Json[] | { dtype: DType; shape: number[]; values: JsonNumber[] } | { float: JsonNumber } | { scalarType: DType }
  | { dict: [Json, Json][] };
interface Call { readonly op: string; readonly overload: string; readonly args: Json[]; readonly outputs: Json[]; readonly tol: number }
interface Program { readonly name: string; readonly archive: string; readonly inputs: Json[]; readonly output: Json; readonly tol: number }

const file = new URL('../../../kernels/testdata/operator_cases.json', import.meta.url);
const present = existsSync(file);
if (!present) console.warn('kernels/testdata/operator_cases.json is not there: run make_operator_cases.py with PyTorch to compare with it');
const cases = present ? JSON.parse(readFileSync(file, 'utf8')) as { calls: Call[]; programs: Program[] } : { calls: [], programs: [] };

const real = (v: JsonNumber): number => (v === 'nan' ? NaN : v === 'inf' ? Infinity : v === '-inf' ? -Infinity : v);

/** The value, and the type that it has in TorchScript. */
function decode(v: Json): { value: HostValue; type: Type } {
  if (v === null) return { value: null, type: T.none };
  if (typeof v === 'boolean') return { value: v, type: T.bool };
  if (typeof v === 'number') return { value: v, type: T.int };
  if (typeof v === 'string') return { value: v, type: T.str };
  if (Array.isArray(v)) {
    const parts = v.map(decode);
    const element = parts.find((p) => p.type.kind !== 'None')?.type;
    const optional = parts.some((p) => p.type.kind === 'None');
    return { value: parts.map((p) => p.value), type: T.list(element ? (optional ? T.optional(element) : element) : T.int) };
  }
  if ('float' in v) return { value: real(v.float), type: T.float };
  if ('scalarType' in v) return { value: scalarTypeOf(v.scalarType), type: T.int };
  if ('dict' in v) return { value: new Map(v.dict.map(([k, e]) => [decode(k).value, decode(e).value])), type: T.dict(T.str, T.tensor) };
  return { value: hostTensor(v.dtype, v.shape, v.values.map(real)), type: T.tensor };
}

/** Compares a result with PyTorch's, dtypes and shapes included; `at` says where in the result. */
function compare(got: HostValue, want: Json, tolerance: number, at = 'result'): void {
  const { value } = decode(want);
  if (isHostTensor(value)) {
    if (!isHostTensor(got)) throw new Error(`${at} should be a tensor`);
    const describeTensor = (t: HostTensor): string => `${t.meta.dtype}[${t.meta.shape.join(', ')}]`;
    if (describeTensor(got) !== describeTensor(value)) throw new Error(`${at} is ${describeTensor(got)}, PyTorch gives ${describeTensor(value)}`);
    const [x, y] = [toRowMajor(got), toRowMajor(value)];
    const loose = value.meta.dtype === 'float16' || value.meta.dtype === 'bfloat16' ? 1e-2 : tolerance;
    for (let i = 0; i < y.length; i++) close(x[i]!, y[i]!, loose, `${at}, element ${i}`);
  } else if (typeof value === 'number') close(Number(got), value, tolerance, at);
  else if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length) throw new Error(`${at} should have ${want.length} elements`);
    want.forEach((w, i) => { compare((got as readonly HostValue[])[i]!, w, tolerance, `${at}[${i}]`); });
  } else if (value instanceof Map) {
    if (!(got instanceof Map)) throw new Error(`${at} should be a dict`);
    const entries = (want as { dict: [Json, Json][] }).dict;
    if ([...got.keys()].join() !== entries.map(([k]) => decode(k).value).join()) throw new Error(`${at} has the keys ${[...got.keys()].join()}`);
    for (const [k, w] of entries) compare((got as ReadonlyMap<HostValue, HostValue>).get(decode(k).value)!, w, tolerance, `${at}.${String(k)}`);
  } else if (got !== value) throw new Error(`${at} is ${JSON.stringify(got)}, PyTorch gives ${JSON.stringify(value)}`);
}

function close(x: number, y: number, tolerance: number, at: string): void {
  if (Object.is(x, y) || x === y) return;
  if (!(Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y)))) throw new Error(`${at} is ${x}, PyTorch gives ${y}`);
}

async function toHost(ctx: EagerContext, v: RuntimeValue): Promise<HostValue> {
  if (isTensor(v)) return ctx.read(v);
  if (Array.isArray(v)) return Promise.all(v.map((e) => toHost(ctx, e)));
  return v as HostValue;
}

async function runCall(c: Call): Promise<void> {
  const ctx = new EagerContext(new CpuDevice());
  const args = c.args.map(decode);
  const info = { kind: c.op, inputTypes: args.map((a) => a.type), outputTypes: c.outputs.map((o) => decode(o).type) };
  ctx.enter(info, { node: c.op, output: '', module: '', index: 0 });
  const result = await runOperator(ctx, info, args.map((a) => enterValue(a.value, (t) => ctx.device.upload(t))));
  const single = c.outputs.length === 1 && (!Array.isArray(result) || Array.isArray(c.outputs[0]));
  const results = single ? [result] : result as RuntimeValue[];
  for (const [i, want] of c.outputs.entries()) compare(await toHost(ctx, results[i]!), want, c.tol, `output ${i}`);
}

describe.skipIf(!present)('operators against PyTorch', () => {
  const byOp = Map.groupBy(cases.calls, (c) => `${c.op}${c.overload ? `.${c.overload}` : ''}`);
  it.each([...byOp.keys()])('%s', async (name) => {
    const failures: string[] = [];
    for (const [k, c] of byOp.get(name)!.entries()) {
      try {
        await runCall(c);
      } catch (e) {
        failures.push(`call ${k}: ${(e as Error).message}`);
      }
    }
    expect(failures).toEqual([]);
  });
});

describe.skipIf(!present)('scripted programs against PyTorch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantbench-programs-'));
  afterAll(() => { rmSync(folder, { recursive: true }); });

  it.each(cases.programs.map((p, i) => [`${p.name} ${i}`, p] as const))('%s', async (name, p) => {
    const path = join(folder, `${name}.pt`);
    writeFileSync(path, Buffer.from(p.archive, 'base64'));
    const model = await openTorchScript(path);
    try {
      const inputs = p.inputs.map((v) => decode(v).value);
      const eager = new EagerExecutor(model.module, new CpuDevice());
      compare(await eager.run(inputs), p.output, p.tol, 'eager');
      eager.destroy();
      const scripted = new ScriptedExecutor(freezeModule(model.module).frozen, new CpuDevice(), model.module);
      compare(await scripted.run(inputs), p.output, p.tol, 'scripted');
      scripted.destroy();
    } finally {
      model.close();
    }
  });
});
