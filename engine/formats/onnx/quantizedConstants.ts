import type { TensorData } from '../../ir/constant.ts';

/** What a constant of floats was dequantized from. */
export interface Integers {
  /** uint8, int8 or int32 of the file. */
  readonly data: TensorData;
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  /** Dimension that the scales go along, where there are several. */
  readonly axis: number;
}

const known = new WeakMap<TensorData, Integers>();

/** Remembers the integers of a constant that DequantizeLinear made, so that it can be quantized again without loss. */
export function rememberIntegers(floats: TensorData, from: Integers): void { known.set(floats, from); }

export const integersOf = (floats: TensorData): Integers | undefined => known.get(floats);
