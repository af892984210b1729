import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttributeProtoSchema } from 'onnx-buf';
import { AttributeProto_AttributeType as A, ModelProtoSchema } from 'onnx-buf';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { numel, type DType, type HostTensor } from '../../../kernels/tensor.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { EagerExecutor } from '../../runtime/eager.ts';
import { tensorsOf } from '../../runtime/hostValue.ts';
import { ScriptedExecutor } from '../../runtime/scripted.ts';
import { openOnnx } from './index.ts';

/** A tensor of a test: in the file, fed, or expected. */
export interface TestTensor { readonly dtype: DType; readonly shape: readonly number[]; readonly data: readonly number[] }
export type Attribute = number | string | readonly number[] | TestTensor
  | { readonly float: number } | { readonly floats: readonly number[] } | { readonly graph: TestGraph };
export interface TestNode {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute | undefined>>;
}
export interface TestGraph {
  readonly nodes: readonly TestNode[];
  readonly inputs: Readonly<Record<string, { readonly dtype: DType; readonly shape: readonly (number | string)[] }>>;
  readonly outputs: Readonly<Record<string, { readonly dtype: DType; readonly rank: number | null }>>;
  readonly constants?: Readonly<Record<string, TestTensor>>;
}
export interface TestModel extends TestGraph { readonly opset: number }

const TYPE: Readonly<Partial<Record<DType, number>>> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11 };
export const f32 = (shape: readonly number[], data: readonly number[]): TestTensor => ({ dtype: 'float32', shape, data });
export const i64 = (data: readonly number[], shape: readonly number[] = [data.length]): TestTensor => ({ dtype: 'int64', shape, data });
export const scalar = (dtype: DType, v: number): TestTensor => ({ dtype, shape: [], data: [v] });
const isTensor = (a: unknown): a is TestTensor => typeof a === 'object' && a !== null && 'dtype' in a;

function bytesOf(t: TestTensor): Uint8Array<ArrayBuffer> {
  switch (t.dtype) {
    case 'float32': return new Uint8Array(Float32Array.from(t.data).buffer);
    case 'float64': return new Uint8Array(Float64Array.from(t.data).buffer);
    case 'int64': return new Uint8Array(BigInt64Array.from(t.data, (v) => BigInt(v)).buffer);
    case 'int32': return new Uint8Array(Int32Array.from(t.data).buffer);
    case 'int8': return new Uint8Array(Int8Array.from(t.data).buffer);
    default: return Uint8Array.from(t.data);
  }
}

const tensorProto = (name: string, t: TestTensor) => ({ name, dataType: TYPE[t.dtype]!, dims: t.shape.map(BigInt), rawData: bytesOf(t) });

function attributeProto(name: string, a: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof a === 'number') return { name, type: A.INT, i: BigInt(a) };
  if (typeof a === 'string') return { name, type: A.STRING, s: new Uint8Array(Buffer.from(a)) };
  if (isTensor(a)) return { name, type: A.TENSOR, t: tensorProto('', a) };
  if ('float' in a) return { name, type: A.FLOAT, f: a.float };
  if ('floats' in a) return { name, type: A.FLOATS, floats: [...a.floats] };
  if ('graph' in a) return { name, type: A.GRAPH, g: graphProto(a.graph, name) };
  return { name, type: A.INTS, ints: (a as readonly number[]).map(BigInt) };
}

const typeProto = (dtype: DType, shape: readonly (number | string)[] | null) => ({
  value: {
    case: 'tensorType' as const,
    value: {
      elemType: TYPE[dtype]!,
      ...(shape ? { shape: { dim: shape.map((d) => ({ value: typeof d === 'number' ? { case: 'dimValue' as const, value: BigInt(d) } : { case: 'dimParam' as const, value: d } })) } } : {}),
    },
  },
});

const graphProto = (g: TestGraph, name = 'test') => ({
  name,
  node: g.nodes.map((n, i) => ({
    opType: n.op, domain: n.domain ?? '', name: n.name ?? `${n.op}_${i}`, input: [...n.inputs], output: [...n.outputs],
    attribute: Object.entries(n.attributes ?? {}).flatMap(([k, a]) => (a === undefined ? [] : [attributeProto(k, a)])),
  })),
  initializer: Object.entries(g.constants ?? {}).map(([k, t]) => tensorProto(k, t)),
  input: Object.entries(g.inputs).map(([k, t]) => ({ name: k, type: typeProto(t.dtype, t.shape) })),
  output: Object.entries(g.outputs).map(([k, t]) => ({ name: k, type: typeProto(t.dtype, t.rank === null ? null : Array.from({ length: t.rank }, (_, i) => `d${i}`)) })),
});

/** The model as the bytes of a file. */
export function modelBytes(m: TestModel): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, producerName: 'test', opsetImport: [{ domain: '', version: BigInt(m.opset) }, { domain: 'com.microsoft', version: 1n }], graph: graphProto(m) }));
}

/** Runs `use` on a file in a folder of its own that is removed afterwards. */
export async function withFile<R>(bytes: Uint8Array, use: (path: string) => Promise<R>, others: Readonly<Record<string, Uint8Array>> = {}): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), 'quantbench-onnx-'));
  try {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytes);
    for (const [name, data] of Object.entries(others)) writeFileSync(join(folder, name), data);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const feedTensor = (t: TestTensor): HostTensor => hostTensor(t.dtype, t.shape, t.data);

/** A file's outputs in one mode. */
export async function runOnnx(path: string, feeds: readonly TestTensor[], mode: 'eager' | 'scripted'): Promise<HostTensor[]> {
  const model = await openOnnx(path);
  try {
    if (mode === 'eager') {
      const executor = new EagerExecutor(model.module, new CpuDevice());
      return tensorsOf(await executor.run(feeds.map(feedTensor))).map((t) => t.tensor);
    }
    const executor = new ScriptedExecutor(freezeModule(model.module).frozen, new CpuDevice(), model.module);
    return tensorsOf(await executor.run(feeds.map(feedTensor))).map((t) => t.tensor);
  } finally {
    model.close();
  }
}

/** ONNX Runtime's outputs for the same bytes. */
export async function peerRun(bytes: Uint8Array, feeds: Readonly<Record<string, TestTensor>>): Promise<{ shape: number[]; data: number[] }[]> {
  const ort = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['cpu'], intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const tensor = (t: TestTensor) => {
      switch (t.dtype) {
        case 'int64': return new ort.Tensor('int64', BigInt64Array.from(t.data, (v) => BigInt(v)), t.shape);
        case 'int32': return new ort.Tensor('int32', Int32Array.from(t.data), t.shape);
        case 'uint8': return new ort.Tensor('uint8', Uint8Array.from(t.data), t.shape);
        case 'int8': return new ort.Tensor('int8', Int8Array.from(t.data), t.shape);
        case 'bool': return new ort.Tensor('bool', Uint8Array.from(t.data), t.shape);
        default: return new ort.Tensor('float32', Float32Array.from(t.data), t.shape);
      }
    };
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([k, t]) => [k, tensor(t)])));
    return session.outputNames.map((name) => {
      const { dims, data } = results[name]!;
      return { shape: [...dims], data: Array.from(data as ArrayLike<number | bigint>, Number) };
    });
  } finally {
    await session.release();
  }
}

/** Largest difference, relative to the larger of 1 and the expected value. Infinite where shapes differ. */
export function difference(got: HostTensor | undefined, want: { shape: readonly number[]; data: readonly number[] }): number {
  if (got?.meta.shape.join() !== want.shape.join()) return Infinity;
  const values = toRowMajor(got);
  let worst = 0;
  for (let i = 0; i < numel(want.shape); i++) {
    const [a, b] = [values[i]!, want.data[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const d = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = Math.max(worst, Number.isNaN(d) ? Infinity : d);
  }
  return worst;
}
