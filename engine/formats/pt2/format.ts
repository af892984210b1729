import { startsAsZip, type ModelFormat } from '../format.ts';
import { ZipFile } from '../zip/zipFile.ts';
import { looksLikePt2, openPt2 } from './index.ts';

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
  open: openPt2,
};
