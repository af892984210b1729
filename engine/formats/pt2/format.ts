import { startsAsZip, type ModelFormat } from '../format.ts';
import { ZipFile } from '../zip/zipFile.ts';

/** Whether the names of an archive are those of torch.export. */
function looksLikePt2(names: Iterable<string>): boolean {
  for (const n of names) if (/^([^/]+\/)?(models\/[^/]+\.json|archive_format|serialized_exported_program\.json)$/.test(n)) return true;
  return false;
}

/** Archives of torch.export: zips, told from TorchScript's by the names of their members. */
export const pt2Format: ModelFormat = {
  name: 'torch.export',
  extensions: ['.pt2'],
  matches: async (head, path) => {
    if (!startsAsZip(head)) return false;
    try {
      const zip = await ZipFile.open(path);
      zip.close();
      return looksLikePt2(zip.entries.keys());
    } catch {
      return path.toLowerCase().endsWith('.pt2');
    }
  },
  open: async (path) => (await import('./index.ts')).openPt2(path),
};
