const f = Math.fround;

/** Lanes of a vector register, vectors summed side by side, and levels of partial sums. */
const LANES = 8;
const SIDE_BY_SIDE = 4;
const LEVELS = 4;

/**
 * Sum of a float32 tensor in the order in which torch.sum takes it on x86 (cascade_sum of SumKernel.cpp): 8 lanes, 4 vectors side by side, partial sums of
 * 16 added up level by level. Searches that stop where an error first grows depend on the last bit of it.
 */
export function torchSum(a: Float32Array): number {
  const vectors = Math.floor(a.length / LANES);
  const rows = Math.floor(vectors / SIDE_BY_SIDE);
  // A level takes more additions where four levels of 16 would not hold all.
  const power = Math.max(4, Math.floor(ceilLog2(rows) / LEVELS));
  const step = 1 << power;
  let total = 0;
  for (let i = vectors * LANES; i < a.length; i++) total = f(total + a[i]!);
  for (let lane = 0; lane < LANES; lane++) {
    const partial = new Float32Array(SIDE_BY_SIDE);
    for (let k = 0; k < SIDE_BY_SIDE; k++) partial[k] = cascade(a, k * LANES + lane, SIDE_BY_SIDE * LANES, rows, power, step);
    for (let v = rows * SIDE_BY_SIDE; v < vectors; v++) partial[0] = partial[0]! + a[v * LANES + lane]!;
    for (let k = 1; k < SIDE_BY_SIDE; k++) partial[0] = partial[0]! + partial[k]!;
    total = f(total + partial[0]!);
  }
  return total;
}

/** Every `stride`th of `count` elements: each `step` of them are summed, those sums again, and so on. */
function cascade(a: Float32Array, first: number, stride: number, count: number, power: number, step: number): number {
  const levels = new Float32Array(LEVELS);
  let i = 0;
  while (i + step <= count) {
    for (let j = 0; j < step; j++, i++) levels[0] = levels[0]! + a[first + i * stride]!;
    for (let j = 1; j < LEVELS; j++) {
      levels[j] = levels[j]! + levels[j - 1]!;
      levels[j - 1] = 0;
      if ((i & ((step - 1) << (j * power))) !== 0) break;
    }
  }
  for (; i < count; i++) levels[0] = levels[0]! + a[first + i * stride]!;
  for (let j = 1; j < LEVELS; j++) levels[0] = levels[0]! + levels[j]!;
  return levels[0]!;
}

function ceilLog2(n: number): number {
  return n <= 2 ? 1 : 32 - Math.clz32(n - 1);
}
