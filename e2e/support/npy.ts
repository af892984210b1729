/** A `.npy` file of float32 (`<f4`) or int64 (`<i8`) values, version 1.0 of the format. */
export function npy(shape: readonly number[], values: Float32Array | BigInt64Array): Buffer {
  const descr = values instanceof Float32Array ? '<f4' : '<i8';
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(' ')}), }`;
  // Magic, version, length and header together are a multiple of 64 bytes long.
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}
