import { numel, type HostArray, type HostTensor } from '../tensor.ts';
import { products, type Products } from '../wasm/products.ts';
import { COLUMNS } from '../wasm/source.ts';
import { insideRange, type ConvSizes } from './convSizes.ts';
import { finishRow, hostEpilogue, type Epilogue } from './epilogue.ts';
import { depthwiseRows } from './depthwiseRows.ts';
import { orderedProduct } from './orderedProduct.ts';
import { convOrder, type SumOrder } from './sumOrder.ts';

/** conv2d on the host in float32, added up in PyTorch's order (sumOrder.ts). False where the engine cannot. */
export function conv2dHost(s: ConvSizes, inputs: readonly HostTensor[], y: HostTensor, attrs: Epilogue): boolean {
  if (numel(y.meta.shape) === 0) return false;
  if (s.cg === 1 && s.og === 1) {
    depthwiseRows(s, inputs, y, attrs, new Float32Array(s.ow));
    return true;
  }
  const wasm = products();
  if (!wasm) return false;
  dense(wasm, s, inputs, y, attrs);
  return true;
}

function dense(wasm: Products, s: ConvSizes, inputs: readonly HostTensor[], y: HostTensor, attrs: Epilogue): void {
  const epilogue = hostEpilogue(inputs, attrs);
  const k = s.cg * s.kh * s.kw;
  const pixels = s.oh * s.ow;
  const order = convOrder(s);
  for (let g = 0; g < s.groups; g++) {
    orderedProduct(wasm, order, inputs[1]!.data, g * s.og * k, s.og, s.n * pixels, k, epilogue.bias, g * s.og,
      (b, to, pitch, from, count, first, columns) => { packPixels(s, order, inputs[0]!.data, g, b, to, pitch, from, count, first, columns); },
      (row, first, columns, c, from) => {
        // Columns run through the pixels of one image after the other.
        for (let p = first; p < first + columns;) {
          const n = Math.floor(p / pixels);
          const run = Math.min(first + columns, (n + 1) * pixels) - p;
          const target = (n * s.oc + g * s.og + row) * pixels + (p - n * pixels);
          finishRow(y.data, target, c, from + (p - first), run, 0, epilogue);
          p += run;
        }
      });
  }
}

/** The input under each output pixel, a kernel tap and channel at a time; outside the image the zeros that are there stay. */
function packPixels(s: ConvSizes, order: SumOrder, x: HostArray, group: number, b: Float32Array, at: number, pitch: number,
  from: number, count: number, first: number, columns: number): void {
  const taps = s.kh * s.kw;
  const pixels = s.oh * s.ow;
  const end = first + columns;
  const rows = Math.ceil(end / s.ow);
  for (let i = 0; i < count; i++) {
    const index = order.indices ? order.indices[from + i]! : from + i;
    const channel = group * s.cg + Math.floor(index / taps);
    const tap = index % taps;
    const ky = Math.floor(tap / s.kw);
    const kx = tap % s.kw;
    const [low, high] = insideRange(kx * s.dw, s.pw, s.sw, s.w, s.ow);
    const line = at + i * COLUMNS;
    // Output rows of all images, as if they were one.
    for (let row = Math.floor(first / s.ow); row < rows; row++) {
      const n = Math.floor(row * s.ow / pixels);
      const iy = (row - n * s.oh) * s.sh - s.ph + ky * s.dh;
      if (iy < 0 || iy >= s.h) continue;
      const start = Math.max(first, row * s.ow + low);
      const stop = Math.min(end, row * s.ow + high);
      let source = ((n * s.c + channel) * s.h + iy) * s.w + (start - row * s.ow) * s.sw - s.pw + kx * s.dw;
      for (let p = start - first; p < stop - first; p++) {
        b[line + (p >> 3) * pitch + (p & 7)] = x[source]!;
        source += s.sw;
      }
    }
  }
}
