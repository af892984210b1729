/** Words of the field, each with one paragraph and its formula. A new word is one entry here. */

export interface Term { title: string; text: string; formula?: string }

export const TERMS = {
  qscheme: { title: 'qscheme', text: 'How the range of a tensor maps to integers: affine fits min and max and stores a zero point; symmetric centres the range on zero.', formula: 'x ≈ scale · (q − zero_point)' },
  scale: { title: 'scale', text: 'The size of one quantization step: two neighbouring integers stand for values this far apart.', formula: 'scale = (max − min) / (quant_max − quant_min)' },
  zeroPoint: { title: 'zero_point', text: 'The integer that stands for exactly 0.0, so that padding and ReLU lose nothing.', formula: 'zero_point = quant_min − round(min / scale)' },
  observer: { title: 'observer', text: 'A module that sits on a value, records its range while calibration data flows, and gives scale and zero point at the end.' },
  weightScheme: { title: 'weight scheme', text: 'Per tensor: one scale for the whole weight. Per channel: one scale for each output channel, which follows channels of different size and costs nothing at run time.', formula: 'scale[c] = max|w[c]| / 127.5' },
  reduceRange: { title: 'reduce_range', text: 'Uses 7 of the 8 bits of activations. Needed where a CPU sums pairs of products in 16 bits; not needed here, where sums are 32 bits wide.' },
  sqnr: { title: 'SQNR', text: 'Signal to quantization noise ratio: how much stronger the fp32 values are than the error that int8 adds. 20 dB is an error of 10%, 40 dB of 1%. By module it is measured in int8 eager, against fp32 eager.', formula: 'SQNR = 20 · log10(‖x‖ / ‖x − x̂‖) dB' },
  agreement: { title: 'agreement', text: 'The share of samples for which a mode picks the same class as fp32 eager. It needs no labels.' },
  eager: { title: 'eager and scripted', text: 'Eager runs the modules statement by statement, one op at a time. Scripted freezes and fuses the graph first, plans memory, and runs all of it in one go.' },
  fused: { title: 'fusion', text: 'Several ops become one kernel, so that values in between are neither written nor read back, and are not rounded.' },
  p95: { title: 'p95', text: 'The latency that 95 of 100 runs stay below. Far from the median, it tells of other work on the device.' },
  gops: { title: 'GOP/s', text: 'Multiply and add operations a second: a multiply-accumulate counts as two.' },
} satisfies Record<string, Term>;

export type TermId = keyof typeof TERMS;
