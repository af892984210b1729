/** The only thing that the desktop window adds to the page: the path of a dropped file, so that a model on this machine needs no upload. */
import { contextBridge, webUtils } from 'electron';

export interface DesktopBridge {
  /** Path of a file that was dropped or chosen; '' for one that is not on a disk. */
  pathOf(file: File): string;
}

const bridge: DesktopBridge = { pathOf: (file) => webUtils.getPathForFile(file) };

contextBridge.exposeInMainWorld('quantbenchDesktop', bridge);
