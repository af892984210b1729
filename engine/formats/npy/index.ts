/** numpy's array files. */
export { openNpy, parseNpy, readNpy, type NpyFile } from './npy.ts';
export { readNpz } from './npz.ts';
export { encodeNpy, writeNpy, writeNpz } from './write.ts';
