import { readFileSync } from 'node:fs';

/** The matrix products of `source.ts` in WebAssembly, with a memory of their own that operands are laid into. */
export interface Products {
  /** See SGEMM in source.ts. */
  readonly sgemm: (a: number, b: number, c: number, bias: number, rowTiles: number, columnTiles: number, k: number, mode: number) => void;
  /** See SDOT in source.ts. */
  readonly sdot: (a: number, b: number, c: number, rows: number, columns: number, k: number) => void;
  /** See IGEMM in source.ts. */
  readonly igemm: (a: number, b: number, c: number, rows: number, columns: number, k: number, bPitch: number) => void;
  /** Lays out operands of these sizes in bytes; returns the address of each. What an earlier call laid out is gone. */
  readonly layOut: (...sizes: readonly number[]) => number[];
  /** Views of the memory. To be taken after layOut, which may move it. */
  readonly f32: () => Float32Array;
  readonly i32: () => Int32Array;
  readonly i16: () => Int16Array;
  readonly i8: () => Int8Array;
}

const PAGE = 65536;
/** Vector loads may run past an operand's end. */
const SLACK = 64;

let loaded: Products | null | undefined;

/**
 * The products, instantiated at the first call; null where this engine knows no relaxed SIMD, and callers then use their reference.
 * `f32x4.relaxed_madd` is a fused multiply-add wherever the processor has one (V8 on x86 with FMA, on arm64).
 */
export function products(): Products | null {
  // null is an answer too: it is not asked for again at every call.
  if (loaded === undefined) loaded = instantiate();
  return loaded;
}

function instantiate(): Products | null {
  const bytes = readFileSync(new URL('products.wasm', import.meta.url));
  if (!WebAssembly.validate(bytes)) return null;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const memory = exports.memory as WebAssembly.Memory;
  return {
    sgemm: exports.sgemm as Products['sgemm'],
    sdot: exports.sdot as Products['sdot'],
    igemm: exports.igemm as Products['igemm'],
    layOut(...sizes) {
      let end = 0;
      const places = sizes.map((size) => {
        const at = end;
        end += Math.ceil((size + SLACK) / SLACK) * SLACK;
        return at;
      });
      const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
      if (missing > 0) memory.grow(missing);
      return places;
    },
    f32: () => new Float32Array(memory.buffer),
    i32: () => new Int32Array(memory.buffer),
    i16: () => new Int16Array(memory.buffer),
    i8: () => new Int8Array(memory.buffer),
  };
}
