import { existsSync, statSync } from 'node:fs';
import { QuantbenchError } from '../../kernels/errors.ts';
import { modelExtensions, modelName, openModelFile, type InputDescription, type OpenedModel } from '../formats/index.ts';
import type { ModuleObject } from '../ir/module.ts';
import { TensorData } from '../ir/constant.ts';
import { freezeModule, type InferenceStages } from '../passes/pipeline.ts';
import { expectedInputs, type ExpectedInput } from './expectedInputs.ts';

/** A model file that is open. */
export interface OpenModel {
  readonly path: string;
  readonly name: string;
  readonly fileBytes: number;
  readonly format: string;
  readonly module: ModuleObject;
  readonly warnings: readonly string[];
  /** What the file says of its inputs; undefined where it says nothing. */
  readonly inputs?: readonly InputDescription[];
  /** raw, inlined and frozen graph, made at first use. */
  stages(): InferenceStages;
  /** Channels that the first convolution takes; null where there is none. */
  readonly channels: number | null;
  /** What the inputs of forward must be, as far as it is known; none where the model's calls cannot be followed. */
  expectedInputs(): readonly ExpectedInput[];
}

interface Kept { readonly stamp: string; readonly model: Promise<OpenModel>; close(): void }

/** Models that stay open between calls; a desktop works with one, a script with two. */
const KEEP = 3;
const kept = new Map<string, Kept>();

/** Opens a model, or gives the one that is open and has not changed on disk. Throws FILE_NOT_FOUND and the reader's codes. */
export function openModel(path: string): Promise<OpenModel> {
  if (!existsSync(path)) throw new QuantbenchError('FILE_NOT_FOUND', `${path} does not exist`, 'Check the path.');
  const stat = statSync(path);
  if (!stat.isFile()) throw new QuantbenchError('NOT_A_MODEL', `${path} is not a file`, `Give the path of a model file (${modelExtensions().join(', ')}).`);
  const stamp = `${stat.size} ${stat.mtimeMs}`;
  const known = kept.get(path);
  kept.delete(path);
  if (known?.stamp === stamp) {
    kept.set(path, known);
    return known.model;
  }
  known?.close();
  let opened: OpenedModel | undefined;
  const model = openModelFile(path).then((file) => {
    opened = file;
    return describe(path, stat.size, file);
  });
  model.catch(() => { kept.delete(path); });
  kept.set(path, { stamp, model, close: () => { void model.then(() => { opened?.close(); }, () => undefined); } });
  for (const [old, entry] of kept) {
    if (kept.size <= KEEP) break;
    entry.close();
    kept.delete(old);
  }
  return model;
}

function describe(path: string, fileBytes: number, file: OpenedModel): OpenModel {
  let stages: InferenceStages | undefined;
  let expected: readonly ExpectedInput[] | undefined;
  const model: OpenModel = {
    path, fileBytes, module: file.module,
    name: modelName(path),
    format: file.format,
    warnings: file.warnings,
    ...(file.inputs && { inputs: file.inputs }),
    stages: () => stages ??= freezeModule(file.module),
    channels: firstConvChannels(file.module),
    expectedInputs: () => expected ??= inlinable(() => expectedInputs(model)),
  };
  return model;
}

/** A model whose calls are not known before it runs can still run, module by module. */
function inlinable(describe: () => readonly ExpectedInput[]): readonly ExpectedInput[] {
  try {
    return describe();
  } catch (e) {
    if (e instanceof QuantbenchError && e.code === 'INLINE_UNRESOLVED') return [];
    throw e;
  }
}

/** Input channels of the first 4-dimensional weight; depthwise ones have 1 a group and come later. */
function firstConvChannels(module: ModuleObject): number | null {
  for (const [, m] of module.namedModules()) {
    const weight = m.attributes.get('weight');
    if (weight instanceof TensorData && weight.shape.length === 4) return weight.shape[1]!;
  }
  return null;
}
