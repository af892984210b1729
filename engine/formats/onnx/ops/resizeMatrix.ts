/**
 * Resize along one axis as a matrix [out, in]: each row holds the weights of the input's elements. It covers every mode of ONNX; those that PyTorch has an
 * operator for do without it. Formulas: ONNX operators, Resize.
 */
export interface AxisResize {
  readonly size: number;
  readonly out: number;
  /** out / size, unless the model gives another. */
  readonly scale: number;
  readonly mode: 'nearest' | 'linear' | 'cubic';
  /** coordinate_transformation_mode */
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
}

/** Where in the input a place of the output lies; undefined for a rule that is not known. */
function coordinate(r: AxisResize, x: number): number | undefined {
  switch (r.coordinates) {
    case 'half_pixel': return (x + 0.5) / r.scale - 0.5;
    case 'pytorch_half_pixel': return r.out > 1 ? (x + 0.5) / r.scale - 0.5 : 0;
    case 'half_pixel_symmetric': return (r.size / 2) * (1 - r.out / (r.scale * r.size)) + (x + 0.5) / r.scale - 0.5;
    case 'tf_half_pixel_for_nn': return (x + 0.5) / r.scale;
    case 'align_corners': return r.out === 1 ? 0 : (x * (r.size - 1)) / (r.out - 1);
    case 'asymmetric': return x / r.scale;
    default: return undefined;
  }
}

function nearestOf(how: string, x: number): number | undefined {
  switch (how) {
    case 'round_prefer_floor': return Math.ceil(x - 0.5);
    case 'round_prefer_ceil': return Math.floor(x + 0.5);
    case 'floor': return Math.floor(x);
    case 'ceil': return Math.ceil(x);
    default: return undefined;
  }
}

const linearWeight = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Keys' cubic convolution kernel with coefficient a. */
function cubicWeight(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0;
}

/** Rows of weights; undefined where a rule is not known. */
export function resizeMatrix(r: AxisResize): Float32Array | undefined {
  const matrix = new Float32Array(r.out * r.size);
  const clamp = (i: number): number => Math.min(Math.max(i, 0), r.size - 1);
  for (let o = 0; o < r.out; o++) {
    const x = coordinate(r, o);
    if (x === undefined) return undefined;
    if (r.mode === 'nearest') {
      const at = nearestOf(r.nearest, x);
      if (at === undefined) return undefined;
      matrix[o * r.size + clamp(at)] = 1;
      continue;
    }
    // The window widens where the output is smaller, if it is to be antialiased.
    const shrink = r.antialias ? Math.min(r.scale, 1) : 1;
    const reach = (r.mode === 'cubic' ? 2 : 1) / shrink;
    const taps: { i: number; weight: number }[] = [];
    let sum = 0;
    for (let i = Math.floor(x - reach) + 1; i < x + reach; i++) {
      if (r.excludeOutside && (i < 0 || i >= r.size)) continue;
      const weight = r.mode === 'cubic' ? cubicWeight((i - x) * shrink, r.cubicA) : linearWeight((i - x) * shrink);
      taps.push({ i, weight });
      sum += weight;
    }
    for (const { i, weight } of taps) matrix[o * r.size + clamp(i)]! += weight / sum;
  }
  return matrix;
}
