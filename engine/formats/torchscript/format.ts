import { startsAsZip, type ModelFormat } from '../format.ts';

/** Any zip that no other format claims, and the pickles of old torch.save: the reader says what they are. */
export const torchScriptFormat: ModelFormat = {
  name: 'TorchScript',
  extensions: ['.pt', '.pth', '.pts', '.ts'],
  matches: (head) => startsAsZip(head) || head[0] === 0x80,
  open: async (path) => {
    const { openTorchScript } = await import('./index.ts');
    const file = await openTorchScript(path);
    return { ...file, format: `TorchScript (${file.format})` };
  },
};
