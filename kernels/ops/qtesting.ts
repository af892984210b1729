/** Builders of random 8-bit tensors and fused-op inputs for the tests of the q*.ts operators. */
import { emptyHost, forEachIndex, hostTensor, makeMeta } from '../layout.ts';
import { integerRange, numel, type HostTensor } from '../tensor.ts';
import { lastOutput, summandTables, type Epilogue } from './qepilogue.ts';
import { qOutput, type QOutput, type QType } from './qmath.ts';

/** A small generator of reproducible integers (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) { this.#state = (seed | 0) || 1; }
  next(): number {
    let s = this.#state;
    s ^= s << 13; s ^= s >>> 17; s ^= s << 5;
    this.#state = s;
    return s >>> 0;
  }
  int(low: number, high: number): number { return low + this.next() % (high - low + 1); }
  float(low: number, high: number): number { return low + (high - low) * (this.next() / 4294967296); }
  pick<T>(list: readonly T[]): T { return list[this.next() % list.length]!; }
}

/** Random qparams over the type's whole range of zero points. */
export function randomQOutput(r: Random, relu = false): QOutput {
  const dtype = r.pick<QType>(['quint8', 'qint8']);
  const [low, high] = integerRange(dtype);
  return qOutput(dtype, Math.fround(r.float(0.002, 0.1)), r.pick([low, high, 0, r.int(low, high)]), relu);
}

/** Random stored bytes, packed, with garbage in the padding so that a kernel that reads it shows. */
export function randomQTensor(r: Random, shape: readonly number[], q: QOutput = randomQOutput(r)): HostTensor {
  const t = emptyHost(makeMeta(q.dtype, shape, 'packed', { scheme: 'per_tensor_affine', scale: q.scale, zeroPoint: q.zeroPoint }));
  for (let i = 0; i < t.data.length; i++) t.data[i] = r.next() & 255;
  return t;
}

/** A qint8 weight, per tensor or per channel, padding zero, with its channel integers. */
export function randomWeight(r: Random, shape: readonly number[], symmetric: boolean): { weight: HostTensor; integers: HostTensor; scales: number[] } {
  const outputs = shape[0]!;
  const scales = Array.from({ length: outputs }, () => Math.fround(r.float(0.001, 0.02)));
  const zeroPoints = scales.map(() => (symmetric ? 0 : r.int(-128, 127)));
  const weight = emptyHost(makeMeta('qint8', shape, 'packed', { scheme: 'per_channel_affine', scales, zeroPoints, axis: 0 }));
  const sums = new Array<number>(outputs).fill(0);
  const per = numel(shape) / outputs;
  forEachIndex(weight.meta, (index, flat) => {
    const v = r.int(-128, 127);
    weight.data[index] = v;
    sums[Math.floor(flat / per)]! += v;
  });
  return { weight, integers: hostTensor('int32', [2, outputs], [...sums, ...zeroPoints]), scales };
}

/** A random epilogue and its inputs for an op whose output has this shape. */
export function randomEpilogue(r: Random, x: HostTensor, scales: readonly number[], shape: readonly number[]): { epilogue: Epilogue; inputs: HostTensor[] } {
  const sx = x.meta.q?.scheme === 'per_tensor_affine' ? x.meta.q.scale : 1;
  const output = randomQOutput(r, r.int(0, 1) === 1);
  // Scaled so that most results are inside the range.
  const shrink = r.pick([1, 4, 16]);
  const rounding = r.pick(['inside', 'combined', 'outside'] as const);
  const products = scales.map((s) => Math.fround((rounding === 'outside' ? (sx * s) / output.scale : s) / shrink));
  const bias = scales.map((s) => Math.fround(r.float(-50, 50) * (rounding === 'outside' ? 1 / s : output.scale)));
  const inputs = [hostTensor('float32', [2, scales.length], [...bias, ...products])];
  let epilogue: Epilogue = { rounding, output };
  if (r.int(0, 2) === 0) {
    epilogue = { ...epilogue, table: randomQOutput(r) };
    inputs.push(hostTensor('uint8', [256], Array.from({ length: 256 }, () => r.next() & 255)));
  }
  const kind = r.pick(['none', 'add', 'mul'] as const);
  if (kind !== 'none') {
    const residual = randomQTensor(r, shape);
    inputs.push(residual);
    const before = lastOutput(epilogue);
    const q = residual.meta.q?.scheme === 'per_tensor_affine' ? residual.meta.q : { scale: 1, zeroPoint: 0 };
    if (kind === 'add') inputs.push(hostTensor('float32', [2, 256], summandTables(before, { dtype: residual.meta.dtype as QType, scale: q.scale, zeroPoint: q.zeroPoint })));
    epilogue = { ...epilogue, residual: { op: kind, output: randomQOutput(r, r.int(0, 1) === 1) } };
  }
  return { epilogue, inputs };
}
