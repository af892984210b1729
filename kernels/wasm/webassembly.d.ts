/** The part of the WebAssembly API that products.ts uses; the DOM's types, which have it, are not the engine's. */
declare namespace WebAssembly {
  class Module { constructor(bytes: Uint8Array); }
  class Instance { constructor(module: Module); readonly exports: Record<string, unknown>; }
  interface Memory { readonly buffer: ArrayBuffer; grow(pages: number): number }
  function validate(bytes: Uint8Array): boolean;
}
