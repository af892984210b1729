import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { QuantbenchError } from '../../kernels/errors.ts';

/** Writes a file that is whole or not there: beside its place first, flushed to the disk, then renamed. Throws an error of the given code. */
export function writeAtomically(path: string, bytes: Uint8Array, code: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const fd = openSync(temporary, 'w');
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (e) {
    rmSync(temporary, { force: true });
    throw new QuantbenchError(code, `cannot write ${path}: ${(e as Error).message}`, 'Check that the folder exists, may be written and has space left.');
  }
}
