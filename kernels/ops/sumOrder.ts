import type { ConvSizes } from './convSizes.ts';
import { evenChains } from './productOrder.ts';

/**
 * In which order PyTorch's x86 kernels add up a convolution or a linear layer. Float sums depend on it in their last bits, observers take those over
 * into scales, and in a deep int8 model one bit of a scale moves outputs by steps. The host's fast kernels add in this order.
 */
export interface SumOrder {
  /** Reduced indices, a weight's [channel, ky, kx] flattened, in the order in which they are added; null for 0, 1, 2, ... */
  readonly indices: Int32Array | null;
  /** How many are in each chain of fused multiply-adds; a chain's sum is added to the sum of the chains before. */
  readonly chains: readonly number[];
  /** Whether the first chain starts at the bias, or the bias is added behind it. */
  readonly bias: 'first' | 'after';
  /**
   * Where the reduced indices are cut into parts that are summed by themselves: how many chains each has. The bias goes to the first. `groups` then says
   * how their sums are added: in each group one after the other, and the groups one after the other.
   */
  readonly parts?: readonly number[];
  readonly groups?: readonly (readonly number[])[];
}

/** Lanes of a 512-bit register, and the channels that oneDNN blocks together. */
const LANES = 16;

/**
 * Source: PyTorch's use_mkldnn (aten/src/ATen/native/Convolution.cpp) with several threads, and oneDNN's AVX-512 kernels: the direct one
 * (jit_avx512_common_conv_kernel.cpp: per block of input channels ky, kx, channel), the 1x1 one (jit_avx512_common_1x1_conv_kernel.cpp, init_conf), the
 * depthwise one. What oneDNN leaves to a matrix product is taken as MKL's (productOrder.ts).
 * @param batch images of one call
 */
export function convOrder(s: ConvSizes): SumOrder {
  const k = s.cg * s.kh * s.kw;
  const oneDnn = s.groups > 1 || (s.kh > 3 && s.kw > 3) || s.n > 1 || s.n * s.c * s.h * s.w > 20480;
  if (!oneDnn) return asProduct(k);
  if (s.cg === 1 && s.og === 1) return { indices: null, chains: [k], bias: 'first' };
  if (s.kh === 1 && s.kw === 1 && s.groups === 1) {
    if (s.ph > 0 || s.pw > 0) return asProduct(k);
    return { indices: null, chains: equalChains(k, pointwiseChunk(s)), bias: 'first' };
  }
  const block = s.groups === 1 ? Math.min(s.cg, LANES) : [LANES, 8, 4].find((b) => s.cg % b === 0 && s.og % b === 0);
  if (block === undefined) return asProduct(k);
  const taps = s.kh * s.kw;
  return { indices: blockedIndices(s.cg, taps, block), chains: equalChains(k, block * taps), bias: 'after' };
}

/** What oneDNN leaves to a matrix product, taken as MKL's for many rows. */
function asProduct(k: number): SumOrder {
  return { indices: null, chains: evenChains(k), bias: 'after' };
}

/** As many chains of a length as it takes, the last one shorter. */
function equalChains(k: number, length: number): number[] {
  return Array.from({ length: Math.ceil(k / length) }, (_, i) => Math.min(length, k - i * length));
}

/** Channels that oneDNN's 1x1 kernel reduces at once (reduce_blocking in init_conf, forward, blocked layout). */
function pointwiseChunk(s: ConvSizes): number {
  const up16 = (v: number): number => Math.ceil(v / LANES) * LANES;
  const reduce = up16(s.cg);
  const load = up16(s.og);
  const pixels = s.oh * s.ow;
  const middle = s.oh > 10 && s.oh < 28;
  let chunk = Math.min(reduce, load <= 256 && middle ? 80 : s.oh > 10 ? 512 : 256);
  // Where the input of a chunk would fill the ways of the L2 cache, the chunk is made smaller.
  const way = 16384;
  const maxHits = 7;
  if (pixels * chunk > way * maxHits) {
    const blocks = Math.floor(chunk / LANES);
    const unroll = pixelsAtOnce(load, s.oh, pixels);
    const step = way / LANES;
    for (let start = 0; start < unroll; start++) {
      let hits = 0;
      for (let at = start; at < pixels * blocks; at += step) {
        if (at % pixels >= unroll || ++hits < maxHits) continue;
        chunk = Math.min(chunk, LANES * Math.max(1, Math.floor((at + step) / pixels)));
        break;
      }
    }
  }
  return chunk;
}

/** Pixels that the 1x1 kernel holds in registers (ur in init_conf). */
function pixelsAtOnce(load: number, rows: number, pixels: number): number {
  const narrow = load > 128 && load < 256 && rows > 10 && rows < 28;
  const [most, least] = narrow ? [6, 5] : [9, 6];
  for (let u = most; u >= least; u--) {
    if ((rows >= 14 ? rows : pixels) % u === 0) return u;
  }
  let unroll = Math.min(most, pixels);
  let tail = pixels % most;
  for (let u = most; u >= least; u--) {
    const rest = pixels % u;
    if (rest > tail || rest === 0) { unroll = u; tail = rest; }
    if (rest === 0) break;
  }
  return unroll;
}

/** Blocks of channels, in each the taps, in each the channels. */
function blockedIndices(channels: number, taps: number, block: number): Int32Array {
  const indices = new Int32Array(channels * taps);
  let i = 0;
  for (let first = 0; first < channels; first += block) {
    for (let tap = 0; tap < taps; tap++) {
      for (let c = first; c < Math.min(channels, first + block); c++) indices[i++] = c * taps + tap;
    }
  }
  return indices;
}
