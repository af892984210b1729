/** Files that are whole or not there: written beside their place, flushed to the disk, then renamed. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, basename } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';

/**
 * Writes a file atomically, making its folder if need be. A crash or a full disk leaves the old file as it was.
 * @throws {QuantbenchError} DISK_FULL, NO_PERMISSION, WRITE_FAILED
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(thrown, path);
  }
}

/** Says in the house's words why a write did not happen. */
export function writeError(thrown: unknown, path: string): QuantbenchError {
  if (thrown instanceof QuantbenchError) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  const reason = (thrown as Error).message;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new QuantbenchError('DISK_FULL', `There is no room on the disk to write ${path}.`, 'Free some space, then run the step again; what was done is kept in memory until you close.', { reason });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new QuantbenchError('NO_PERMISSION', `${path} may not be written (${code}).`, 'Choose another folder, or change its permissions.', { reason });
    case 'ENOTDIR':
    case 'EEXIST':
      return new QuantbenchError('WRITE_FAILED', `${path} cannot be written: a part of the path is a file.`, 'Choose another folder.', { reason });
    default:
      return new QuantbenchError('WRITE_FAILED', `${path} could not be written: ${reason}`, 'Check the folder and the disk.', { reason });
  }
}
