import wabtModule from 'wabt';

/** WebAssembly text to its binary form, with WABT, which is there in development only. */
export async function assemble(text: string): Promise<Uint8Array> {
  const wabt = await wabtModule();
  const module = wabt.parseWat('products.wat', text, { simd: true, relaxed_simd: true });
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return buffer;
}
