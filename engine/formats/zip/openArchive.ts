import { QuantbenchError } from '../../../kernels/errors.ts';
import { ZipFile } from './zipFile.ts';

/**
 * Opens a zip archive for a format that says in its own words what is wrong.
 * @param notFound the format's code for a file that is not there
 * @param notAZip the format's error for a file of another kind; `what` tells its kind, as "it is not a zip archive: ..."
 */
export async function openArchive(path: string, notFound: string, notAZip: (what: string) => QuantbenchError): Promise<ZipFile> {
  try {
    return await ZipFile.open(path);
  } catch (e) {
    if (e instanceof QuantbenchError && e.code === 'ZIP_NOT_A_ZIP') throw notAZip(e.message.replace(`${path} is `, 'it is '));
    if (e instanceof QuantbenchError && e.code === 'ZIP_NOT_FOUND') throw new QuantbenchError(notFound, e.message, e.hint);
    throw e;
  }
}
