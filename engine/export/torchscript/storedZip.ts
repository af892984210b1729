import { zipSync, type Zippable } from 'fflate';
import { QuantbenchError } from '../../../kernels/errors.ts';

/** Tensors are mapped into memory by PyTorch, so their bytes start at multiples of this. */
const ALIGNMENT = 64;
/** PyTorch's padding: an extra field of this id (`FB`) that readers skip. */
const PADDING_FIELD = 0x4246;
const LOCAL_HEADER = 30;
const FIELD_HEADER = 4;
/** Beyond it a zip needs the 64-bit fields that are not written here. */
const MAX_BYTES = 2 ** 32 - 2 ** 20;

/** One file of an archive. */
export interface Member { readonly name: string; readonly data: Uint8Array }

/**
 * A zip of uncompressed members whose data is aligned, as caffe2/serialize/inline_container.cc writes it. Throws EXPORT_TOO_LARGE beyond 4 GiB.
 * @param root the one folder that all members lie in
 */
export function storedZip(root: string, members: readonly Member[]): Uint8Array {
  const total = members.reduce((sum, m) => sum + m.data.length, 0);
  if (total > MAX_BYTES) throw new QuantbenchError('EXPORT_TOO_LARGE', `the archive would take ${total} bytes, ${MAX_BYTES} are possible`, 'Export a smaller model.');
  const files: Zippable = {};
  let offset = 0;
  for (const { name, data } of members) {
    const path = `${root}/${name}`;
    const header = LOCAL_HEADER + new TextEncoder().encode(path).length + FIELD_HEADER;
    const padding = (ALIGNMENT - ((offset + header) % ALIGNMENT)) % ALIGNMENT;
    files[path] = [data, { level: 0, mtime: new Date(1980, 0, 1), extra: { [PADDING_FIELD]: new Uint8Array(padding).fill(0x5a) } }];
    offset += header + padding + data.length;
  }
  return zipSync(files);
}
