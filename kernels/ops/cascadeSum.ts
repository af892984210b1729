import type { HostArray } from '../tensor.ts';

/**
 * Float sums in the order of PyTorch's sum and mean on x86 (aten/src/ATen/native/cpu/SumKernel.cpp): cascades over four levels, four
 * chains side by side, eight lanes where the summands lie next to one another. Each addition rounds to float32.
 */
const LANES = 8;
const CHAINS = 4;
const LEVELS = 4;
const f = Math.fround;

/** Sum of n summands `step` elements apart (vectorized_inner_sum where they are neighbours, else scalar_inner_sum). */
export function innerSum(x: HostArray, base: number, step: number, n: number): number {
  if (step !== 1 || n < LANES) return rowSum(x, base, step, n);
  const vectors = Math.floor(n / LANES);
  let sum = 0;
  for (let i = vectors * LANES; i < n; i++) sum = f(sum + x[base + i]!);
  for (let lane = 0; lane < LANES; lane++) sum = f(sum + rowSum(x, base + lane, LANES, vectors));
  return sum;
}

/** Column `column` of `columns` neighbours in an outer reduction (vectorized_outer_sum): four vectors at a time in one cascade, the rest in chains. */
export function outerSum(x: HostArray, base: number, step: number, n: number, column: number, columns: number): number {
  const whole = LANES * CHAINS;
  return column < columns - (columns % whole) ? cascade(x, base, step, n) : rowSum(x, base, step, n);
}

/** row_sum: four chains that take every fourth summand. */
function rowSum(x: HostArray, base: number, step: number, n: number): number {
  const each = Math.floor(n / CHAINS);
  let sum = each > 0 ? cascade(x, base, step * CHAINS, each) : 0;
  for (let i = each * CHAINS; i < n; i++) sum = f(sum + x[base + i * step]!);
  for (let chain = 1; chain < CHAINS && each > 0; chain++) sum = f(sum + cascade(x, base + chain * step, step * CHAINS, each));
  return sum;
}

/** multi_row_sum of one row: sums of 16 or more at the lowest level are carried to the next. */
function cascade(x: HostArray, base: number, step: number, n: number): number {
  const power = Math.max(4, Math.floor(Math.ceil(Math.log2(Math.max(1, n))) / LEVELS));
  const width = 2 ** power;
  let low = 0;
  let i = 0;
  if (n >= width) {
    const levels = new Float32Array(LEVELS);
    while (i + width <= n) {
      for (const end = i + width; i < end; i++) low = f(low + x[base + i * step]!);
      let carried = low;
      low = 0;
      for (let level = 1; level < LEVELS; level++) {
        levels[level] = levels[level]! + carried;
        if (Math.floor(i / width ** level) % width !== 0 || level === LEVELS - 1) break;
        carried = levels[level]!;
        levels[level] = 0;
      }
    }
    for (; i < n; i++) low = f(low + x[base + i * step]!);
    for (let level = 1; level < LEVELS; level++) low = f(low + levels[level]!);
    return low;
  }
  for (; i < n; i++) low = f(low + x[base + i * step]!);
  return low;
}
