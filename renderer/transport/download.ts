/** Exported files in the browser shell: they lie on the machine that runs Quantbench, and a person may sit at another. */
import { baseName } from '../ui/format.ts';

/** Where a file that the session exported can be had. */
export function downloadAddress(sessionId: string, path: string): string {
  return `/download?session=${encodeURIComponent(sessionId)}&file=${encodeURIComponent(baseName(path))}`;
}

/** Has the browser save the file, as a click on its link would. */
export function download(sessionId: string, path: string): void {
  const link = document.createElement('a');
  link.href = downloadAddress(sessionId, path);
  link.download = baseName(path);
  link.click();
}
