import { totalmem } from 'node:os';
import { QuantbenchError } from '../errors.ts';

/** What the machine and the system allow: asked once, since it reads files and is wanted at every allocation. */
let allowedBytes: number | undefined;

function allowedMemory(): number {
  if (allowedBytes === undefined) {
    const constrained = process.constrainedMemory();
    allowedBytes = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  }
  return allowedBytes;
}

/**
 * Bytes that tensors may take on the host: three quarters of the machine's memory, or of what the process is allowed of it. QUANTBENCH_MEMORY_MB sets another
 * limit. Beyond it the system would end the process without a word.
 */
export function hostMemoryLimit(): number {
  const given = Number(process.env['QUANTBENCH_MEMORY_MB']);
  if (given > 0) return given * 2 ** 20;
  return 0.75 * allowedMemory();
}

/**
 * Throws DEVICE_OUT_OF_MEMORY where bytes are more than the host may take, before they are asked for.
 * @param what names who needs them in the message
 */
export function checkHostMemory(bytes: number, what: string): void {
  const limit = hostMemoryLimit();
  if (bytes <= limit) return;
  throw new QuantbenchError('DEVICE_OUT_OF_MEMORY', `${what} needs ${bytes} bytes, ${Math.floor(limit)} are the limit`,
    'Use a smaller batch or smaller inputs; if the sizes are the model\'s own, check that its file is intact.');
}
