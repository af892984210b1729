import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { readDump, type DumpNode } from '../../ir/readDump.ts';
import type { Graph } from '../../ir/graph.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { CpuDevice, type Device } from '../../../kernels/device/index.ts';
import { EagerContext } from '../../runtime/eagerContext.ts';
import { Interpreter } from '../../runtime/interpreter.ts';
import { releaseAll } from '../../runtime/lifetimes.ts';
import type { RuntimeValue } from '../../runtime/value.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { convertJit, type ConvertedGraph } from '../jit/convertJit.ts';
import { observeInto, prepareJit, type PreparedGraph } from '../jit/prepareJit.ts';
import { ObservationQueue } from '../observation.ts';
import { qconfigMap } from '../qconfig.ts';
import type { QConfigSpec } from '../../workflow/types.ts';

/** A file of the repository's own samples or test data. */
export const samplePath = (name: string): string => fileURLToPath(new URL(`../../../samples/digits/${name}`, import.meta.url));
const testData = (name: string): URL => new URL(`../../../tests/fixtures/digits/${name}`, import.meta.url);

/** PyTorch's own results for many models, where they are at hand; undefined elsewhere. */
export function sharedFixture(path: string): string | undefined {
  const url = new URL(`../../../../shared/fixtures/${path}`, import.meta.url);
  return existsSync(url) ? fileURLToPath(url) : undefined;
}

export function digitDump(name: string): DumpNode[] {
  return readDump(readFileSync(testData(name), 'utf8'));
}

const HOST_TYPES = new Set(['int', 'float', 'bool', 'str', 'int[]', 'float[]', 'str[]', 'NoneType', 'Scalar']);

/** Kinds of a dump in order, host ops aside. PyTorch's executor prints aten::chunk as prim::ConstantChunk, so it is left out of both. */
export function dumpSequence(nodes: readonly DumpNode[]): string[] {
  return nodes.filter((n) => !n.kind.startsWith('prim::') && n.kind !== 'aten::append' && n.kind !== 'aten::chunk' && !n.outputs.every((o) => HOST_TYPES.has(o.type)))
    .map((n) => n.kind);
}

export const withoutChunk = (kinds: readonly string[]): string[] => kinds.filter((k) => k !== 'aten::chunk');

/** Scales and zero points of a dump's constants, each once. */
export function dumpQParams(nodes: readonly DumpNode[]): { scales: number[]; zeroPoints: number[] } {
  const values = (pattern: RegExp): number[] =>
    [...new Set(nodes.filter((n) => pattern.test(n.outputs[0]?.name ?? '')).map((n) => n.constant).filter((c): c is number => typeof c === 'number'))];
  return { scales: values(/_scale_0$/), zeroPoints: values(/_zero_point_0$/) };
}

/** Which of PyTorch's scales have no scale here within 1e-5, relatively. */
export function missingScales(got: readonly number[], want: readonly number[]): number[] {
  return want.filter((w) => !got.some((g) => Math.abs(g - w) <= 1e-5 * Math.abs(w)));
}

export function floatTensorOf(data: Float32Array, shape: readonly number[]): HostTensor {
  return { meta: { dtype: 'float32', shape, strides: shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1)), offset: 0 }, data };
}

/** Digits as the models want them: (x / 255 - 0.1307) / 0.3081, [N, 1, 28, 28]. */
export function digitImages(file: 'digits.calib.images.npy' | 'digits.test.images.npy', first: number, count: number): HostTensor {
  const bytes = readFileSync(samplePath(file));
  const start = 10 + bytes.readUInt16LE(8) + first * 784;
  const f = Math.fround;
  const x = Float32Array.from(bytes.subarray(start, start + count * 784), (v) => f(f(f(v / 255) - f(0.1307)) / f(0.3081)));
  return floatTensorOf(x, [count, 1, 28, 28]);
}

export async function runGraph(graph: Graph, module: ModuleObject, inputs: readonly HostTensor[], device: Device = new CpuDevice()): Promise<HostTensor[]> {
  const results = await new Interpreter(new EagerContext(device)).run(graph, [module, ...inputs.map((t) => device.upload(t))]);
  const flat = results.flatMap((r): RuntimeValue[] => (Array.isArray(r) ? r : [r]));
  return Promise.all(flat.map((t) => device.download(t as ReturnType<Device['upload']>)));
}

/** prepare_jit, calibration on the `cpu` device, convert_jit. */
export async function quantizeFile(path: string, spec: Partial<QConfigSpec>, batches: readonly (readonly HostTensor[])[]):
Promise<{ prepared: PreparedGraph; converted: ConvertedGraph }> {
  const model = await openTorchScript(path);
  try {
    const prepared = prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, ...spec }));
    await calibrateGraph(prepared, batches);
    return { prepared, converted: convertJit(prepared) };
  } finally {
    model.close();
  }
}

export const DEFAULT_SPEC: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };

/** Runs batches through a prepared graph and feeds its observers. */
export async function calibrateGraph(prepared: PreparedGraph, batches: readonly (readonly HostTensor[])[]): Promise<void> {
  const device = new CpuDevice();
  const queue = new ObservationQueue();
  observeInto(prepared, queue);
  const interpreter = new Interpreter(new EagerContext(device));
  for (const inputs of batches) {
    releaseAll(await interpreter.run(prepared.graph, [prepared.module, ...inputs.map((t) => device.upload(t))]));
    await queue.flush();
  }
}
