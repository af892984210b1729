import { closeSync, openSync, readSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';
import { HEAD_BYTES, type ModelFormat, type OpenedModel } from './format.ts';
import { pt2Format } from './pt2/format.ts';
import { onnxFormat } from './onnx/format.ts';
import { torchScriptFormat } from './torchscript/format.ts';

export type { InputDescription, ModelFormat, OpenedModel } from './format.ts';

/** Every format there is. The content decides, in this order: TorchScript comes last, since it takes any zip. */
export const FORMATS: readonly ModelFormat[] = [
  pt2Format,
  onnxFormat,
  torchScriptFormat,
];

/**
 * Opens a model file of any format. The content decides which; where it tells nothing, the extension does, so that a damaged file gets the error of
 * the format that it was meant to have; and for the rest the TorchScript reader says what the file seems to be.
 * Throws FILE_NOT_FOUND and the codes of the formats.
 */
export async function openModelFile(path: string): Promise<OpenedModel> {
  return (await formatOf(path)).open(path);
}

/** The format of a file, see openModelFile. */
export async function formatOf(path: string): Promise<ModelFormat> {
  const head = readHead(path);
  for (const format of FORMATS) if (await format.matches(head, path)) return format;
  const extension = extname(path).toLowerCase();
  return FORMATS.find((f) => f.extensions.includes(extension)) ?? torchScriptFormat;
}

/** The file's name without the extension of a model format. */
export function modelName(path: string): string {
  const extension = extname(path);
  return FORMATS.some((f) => f.extensions.includes(extension.toLowerCase())) ? basename(path, extension) : basename(path);
}

/** Every extension that a model file may have, for file dialogs and hints. */
export function modelExtensions(): string[] {
  return FORMATS.flatMap((f) => f.extensions);
}

function readHead(path: string): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (e) {
    throw new QuantbenchError('FILE_NOT_FOUND', `cannot open ${path}: ${(e as Error).message}`, 'Check the path and that the file may be read.');
  }
  try {
    const head = new Uint8Array(HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
  } catch (e) {
    throw new QuantbenchError('NOT_A_MODEL', `cannot read ${path}: ${(e as Error).message}`, 'Give the path of a model file.');
  } finally {
    closeSync(fd);
  }
}
