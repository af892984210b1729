import { totalmem } from 'node:os';

/** Node lets the heap of young objects grow to three times 32 MB, as much as the weights of a model; graphs live longer than that anyway. */
const YOUNG_MEGABYTES = 8;

/** What Node is started with to be an engine process. */
export function engineFlags(): string[] {
  return [`--max-old-space-size=${heapMegabytes()}`, `--max-semi-space-size=${YOUNG_MEGABYTES}`, '--disable-warning=ExperimentalWarning'];
}

/** The JavaScript heap holds no tensors (they lie in array buffers and on the device), but archives and graphs of large models take room. */
function heapMegabytes(): number {
  return Math.max(1024, Math.min(8192, Math.floor(totalmem() / 2 ** 20 / 2)));
}
