/**
 * Float32 values in [lo, hi) from a counter-based hash (murmur3's finalizer): the same seed gives the same inputs on every machine, and in Python.
 */
export function hashFill(seed: number, count: number, lo: number, hi: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b) >>> 0;
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35) >>> 0;
    h ^= h >>> 16;
    out[i] = Math.fround(lo + ((h >>> 8) / 16777216) * (hi - lo));
  }
  return out;
}
