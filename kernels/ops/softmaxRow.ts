import type { HostArray } from '../tensor.ts';
import { expf } from './expf.ts';

const f = Math.fround;
const LANES = 16;
const lanes = new Float32Array(LANES);

/** Sum of sixteen lanes, merged by halves: 8, 4, 2, 1. The lanes are overwritten. */
export function sumByHalves(x: Float32Array): number {
  for (let half = LANES / 2; half > 0; half >>= 1) for (let l = 0; l < half; l++) x[l]! += x[l + half]!;
  return x[0]!;
}

/**
 * Sum of n neighbours in float32, as vec::reduce_all of PyTorch adds them (aten/src/ATen/cpu/vec/functional_base.h): sixteen lanes, merged by halves; fewer
 * than sixteen values one after the other.
 */
export function reduceAll(x: HostArray, at: number, n: number): number {
  if (n < LANES) {
    let sum = x[at]!;
    for (let i = 1; i < n; i++) sum = f(sum + x[at + i]!);
    return sum;
  }
  for (let l = 0; l < LANES; l++) lanes[l] = x[at + l]!;
  for (let i = LANES; i < n; i++) lanes[i % LANES]! += x[at + i]!;
  return sumByHalves(lanes);
}

/** Softmax of n neighbours with the bits of PyTorch's softmax over the last dimension (SoftMaxKernel.cpp, vec_softmax_lastdim). `y` may be `x`. */
export function softmaxRow(x: HostArray, y: HostArray, at: number, n: number): void {
  let high = -Infinity;
  for (let i = at; i < at + n; i++) { const v = x[i]!; if (v > high || Number.isNaN(v)) high = v; }
  for (let i = at; i < at + n; i++) y[i] = expf(f(x[i]! - high));
  const scale = f(1 / reduceAll(y, at, n));
  for (let i = at; i < at + n; i++) y[i] = y[i]! * scale;
}
