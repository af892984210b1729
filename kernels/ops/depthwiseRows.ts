import type { HostArray, HostTensor } from '../tensor.ts';
import { insideRange, type ConvSizes } from './convSizes.ts';
import { finishRow, hostEpilogue, type Epilogue } from './epilogue.ts';

/**
 * A convolution of one input channel a group, rows of sums, one kernel tap at a time. Double sums take the bias at the end and are rounded once. Float32
 * sums start at the bias and are rounded at each tap, as oneDNN's fused multiply-adds are: the product is exact in double precision.
 * @param sums one row of the output, overwritten
 */
export function depthwiseRows(s: ConvSizes, inputs: readonly HostTensor[], y: HostTensor, attrs: Epilogue, sums: Float64Array | Float32Array): void {
  const x = inputs[0]!.data;
  const weight = inputs[1]!.data;
  const epilogue = hostEpilogue(inputs, attrs);
  const biasFirst = sums instanceof Float32Array;
  const columns = Array.from({ length: s.kw }, (_, kx) => insideRange(kx * s.dw, s.pw, s.sw, s.w, s.ow));
  for (let n = 0; n < s.n; n++) {
    for (let oc = 0; oc < s.oc; oc++) {
      const plane = (n * s.c + Math.floor(oc / s.og)) * s.h * s.w;
      const b = epilogue.bias?.[oc] ?? 0;
      for (let oy = 0; oy < s.oh; oy++) {
        sums.fill(biasFirst ? b : 0);
        for (let ky = 0; ky < s.kh; ky++) {
          const iy = oy * s.sh - s.ph + ky * s.dh;
          if (iy < 0 || iy >= s.h) continue;
          for (let kx = 0; kx < s.kw; kx++) {
            const [low, high] = columns[kx]!;
            addTap(sums, low, high, weight[(oc * s.kh + ky) * s.kw + kx]!, x, plane + iy * s.w + low * s.sw - s.pw + kx * s.dw, s.sw);
          }
        }
        finishRow(y.data, ((n * s.oc + oc) * s.oh + oy) * s.ow, sums, 0, s.ow, biasFirst ? 0 : b, epilogue);
      }
    }
  }
}

/** sums[low..high) += v * x[from, from + step, ...]. */
function addTap(sums: Float64Array | Float32Array, low: number, high: number, v: number, x: HostArray, from: number, step: number): void {
  if (step === 1) {
    const shift = from - low;
    for (let o = low; o < high; o++) sums[o] = sums[o]! + v * x[shift + o]!;
  } else {
    for (let o = low; o < high; o++) { sums[o] = sums[o]! + v * x[from]!; from += step; }
  }
}
