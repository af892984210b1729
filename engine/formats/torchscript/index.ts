import { closeSync, openSync, readSync } from 'node:fs';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { ModuleObject } from '../../ir/module.ts';
import { openArchive } from '../zip/openArchive.ts';
import type { ZipFile } from '../zip/zipFile.ts';
import { Archive } from './archive.ts';
import { damaged } from './errors.ts';

/** An opened TorchScript file. Keep it open while its tensors may still be read. */
export interface TorchScriptModel {
  readonly path: string;
  /** The top module; its methods are lowered to graphs when first asked for, its tensors read when first used. */
  readonly module: ModuleObject;
  /** How the file was made, as far as its code tells: both forms have the same structure. */
  readonly format: 'traced' | 'scripted';
  readonly fileBytes: number;
  readonly warnings: readonly string[];
  close(): void;
}

const SAVE_HINT = 'Save the whole model with torch.jit.save(torch.jit.trace(model, example), path).';

/**
 * Opens what torch.jit.save wrote. Reads the directory and the pickles, parses the code of the classes that are used; reads no tensor, runs nothing.
 * Throws TORCHSCRIPT_NOT_FOUND, TORCHSCRIPT_NOT_AN_ARCHIVE, TORCHSCRIPT_STATE_DICT (weights only), TORCHSCRIPT_VERSION, TORCHSCRIPT_DAMAGED,
 * TORCHSCRIPT_SYNTAX, UNPICKLE_* or ZIP_*.
 */
export async function openTorchScript(path: string): Promise<TorchScriptModel> {
  const zip = await openArchive(path, 'TORCHSCRIPT_NOT_FOUND', (what) => explainNotAZip(path, what));
  try {
    const archive = new Archive(zip, findRoot(zip));
    if (!archive.has('constants.pkl')) throw damaged(path, 'constants.pkl is missing');
    const module = archive.unpickle('data');
    if (!(module instanceof ModuleObject)) {
      throw new QuantbenchError('TORCHSCRIPT_NOT_A_MODULE', `${path}: data.pkl holds no module`, SAVE_HINT);
    }
    const format = isTraced(archive, module) ? 'traced' : 'scripted';
    return { path, module, format, fileBytes: zip.fileBytes, warnings: warningsOf(module), close: () => { zip.close(); } };
  } catch (e) {
    zip.close();
    throw e;
  }
}

/** Says what the file seems to be instead. */
function explainNotAZip(path: string, what: string): QuantbenchError {
  const head = firstBytes(path, 16);
  if (head.length === 0) return new QuantbenchError('TORCHSCRIPT_NOT_AN_ARCHIVE', `${path} is empty`, SAVE_HINT);
  if (head[0] === 0x50 && head[1] === 0x4b) {
    return new QuantbenchError('TORCHSCRIPT_TRUNCATED', `${path} starts as an archive but has no directory at its end: it was cut off`, 'Copy or download the file again.');
  }
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) {
    return new QuantbenchError('TORCHSCRIPT_LEGACY_PICKLE', `${path} is a pickle of an old torch.save, which holds weights or Python objects but no code`, SAVE_HINT);
  }
  return new QuantbenchError('TORCHSCRIPT_NOT_AN_ARCHIVE', `${path} is not a TorchScript archive: ${what}`, SAVE_HINT);
}

function firstBytes(path: string, count: number): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const out = new Uint8Array(count);
    return out.subarray(0, readSync(fd, out, 0, count, 0));
  } finally {
    closeSync(fd);
  }
}

/** The folder that holds data.pkl. Throws where there is none, or where other entries lie outside it. */
function findRoot(zip: ZipFile): string {
  const names = [...zip.entries.keys()];
  const roots = new Set(names.map((n) => n.slice(0, n.indexOf('/') + 1)));
  const root = [...roots].find((r) => zip.has(`${r}data.pkl`));
  if (root === undefined) {
    if (names.some((n) => /(^|\/)models\/.*\.json$/.test(n))) {
      throw new QuantbenchError('TORCHSCRIPT_IS_PT2', `${zip.path} was written by torch.export, not by torch.jit.save`, SAVE_HINT);
    }
    throw new QuantbenchError('TORCHSCRIPT_NOT_AN_ARCHIVE', `${zip.path} is a zip without data.pkl, so no PyTorch model`, SAVE_HINT);
  }
  if (roots.size > 1) throw damaged(zip.path, `its members lie in ${roots.size} folders (${[...roots].slice(0, 3).join(', ')}...), not in one`);
  if (!names.some((n) => n.startsWith(`${root}code/`))) {
    throw new QuantbenchError('TORCHSCRIPT_STATE_DICT', `${zip.path} holds weights but no code: torch.save wrote it, perhaps of a state_dict`, SAVE_HINT);
  }
  return root;
}

/** torch.jit.trace keeps the inputs that it saw, and its modules carry no constants. */
function isTraced(archive: Archive, module: ModuleObject): boolean {
  if (archive.has('traced_inputs.pkl')) return true;
  for (const [, m] of module.namedModules()) if (m.type.constants.size > 0) return false;
  return true;
}

/** Modules that compute something else while training. */
const TRAINABLE = /(BatchNorm|InstanceNorm|Dropout|StochasticDepth|DropPath)\w*$/;

function warningsOf(module: ModuleObject): string[] {
  const training = [...module.namedModules()].filter(([, m]) => m.attributes.get('training') === true && TRAINABLE.test(m.type.name)).map(([path]) => path);
  if (training.length === 0) return [];
  const more = training.length > 3 ? ` and ${training.length - 3} more` : '';
  return [`The model was saved in training mode (${training.slice(0, 3).join(', ')}${more}): call model.eval() before saving it.`];
}
