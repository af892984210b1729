import type { HostArray } from '../tensor.ts';

const f = Math.fround;
const LANES = 8;
/** Vectors that Welford's update goes through before its moments are merged with those of the vectors before. */
const CHUNK = 16;

/** Welford moments of eight lanes: how many values each lane has seen, their mean, and the sum of squared distances from it. */
interface Lanes { count: number; readonly mean: Float32Array; readonly square: Float32Array }

const emptyLanes = (): Lanes => ({ count: 0, mean: new Float32Array(LANES), square: new Float32Array(LANES) });

function clear(lanes: Lanes): void {
  lanes.count = 0;
  lanes.mean.fill(0);
  lanes.square.fill(0);
}

/** AddMomentsVec: merges `from` into `to`. */
function merge(from: Lanes, to: Lanes): void {
  const count = to.count + from.count;
  const share = count === 0 ? 0 : f(from.count / count);
  for (let l = 0; l < LANES; l++) {
    const delta = f(from.mean[l]! - to.mean[l]!);
    const moved = f(delta * share);
    to.square[l] = f(moved * to.count) * delta + f(to.square[l]! + from.square[l]!);
    to.mean[l]! += moved;
  }
  to.count = count;
}

/**
 * Returns a function that gives mean and variance (biased) of n neighbours in float32 with the bits of PyTorch's RowwiseMoments on x86
 * (aten/src/ATen/native/cpu/moments_utils.h; layer_norm and group_norm are built for eight lanes, not for AVX-512's sixteen): Welford over chunks of 16
 * vectors, their moments merged in a cascade, then the lanes, one after the other, into those of the values behind the last whole vector. What the compiler
 * fuses there into a multiply-add is fused here. The pair returned is overwritten by the next call.
 */
export function rowMoments(): (x: HostArray, at: number, n: number) => Float32Array {
  const result = new Float32Array(2);
  const chunk = emptyLanes();
  const levels = [emptyLanes()];
  const reciprocals = Float32Array.from({ length: CHUNK }, (_, i) => 1 / (i + 1));
  return (x, at, n) => {
    const vectors = Math.floor(n / LANES);
    const chunks = Math.ceil(vectors / CHUNK);
    const depth = chunks > 1 ? Math.ceil(Math.log2(chunks)) : 1;
    while (levels.length < depth) levels.push(emptyLanes());
    for (let level = 0; level < depth; level++) clear(levels[level]!);
    for (let c = 0; c < chunks; c++) {
      clear(chunk);
      chunk.count = Math.min(CHUNK, vectors - c * CHUNK);
      for (let l = 0; l < LANES; l++) {
        let mean = 0;
        let square = 0;
        for (let j = 0, i = at + c * CHUNK * LANES + l; j < chunk.count; j++, i += LANES) {
          const v = x[i]!;
          const delta = f(v - mean);
          mean = f(delta * reciprocals[j]! + mean);
          square = f(delta * f(v - mean) + square);
        }
        chunk.mean[l] = mean;
        chunk.square[l] = square;
      }
      merge(chunk, levels[0]!);
      for (let level = 1, mask = c + 1; level < depth && (mask & 1) === 0; level++, mask >>= 1) {
        merge(levels[level - 1]!, levels[level]!);
        clear(levels[level - 1]!);
      }
    }
    const first = levels[0]!;
    for (let level = 1; level < depth; level++) merge(levels[level]!, first);

    let mean = 0;
    let square = 0;
    let count = 0;
    for (let i = at + vectors * LANES; i < at + n; i++) {
      const delta = f(x[i]! - mean);
      mean = f(mean + f(delta / ++count));
      square = f(square + f(delta * f(x[i]! - mean)));
    }
    for (let l = 0; l < LANES && vectors > 0; l++) {
      const total = count + vectors;
      const share = f(vectors / total);
      const delta = f(first.mean[l]! - mean);
      mean = f(share * delta + mean);
      square = f(square + f(f(f(delta * delta) * share) * count + first.square[l]!));
      count = total;
    }
    result[0] = mean;
    result[1] = square / n;
    return result;
  };
}
