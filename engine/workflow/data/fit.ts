import { QuantbenchError } from '../../../kernels/errors.ts';
import { isFloat, type TensorMeta } from '../../../kernels/tensor.ts';
import type { ExpectedInput } from '../expectedInputs.ts';

/** Where data comes from, as far as advice depends on it. */
export interface DataSource { readonly path: string; readonly kind: 'npy' | 'npz' | 'folder' }

/**
 * Whether data can be fed to a model: as many inputs as it takes, of its sizes (the number of samples aside) and kind of numbers.
 * @param batch metas of a batch, one an input
 * @throws QuantbenchError DATA_DOES_NOT_FIT naming the input, both shapes, and what to do
 */
export function checkFit(batch: readonly TensorMeta[], expected: readonly ExpectedInput[], source: DataSource): void {
  if (expected.length === 0) return;
  if (batch.length > expected.length) {
    throw misfit(`${source.path} holds ${batch.length} arrays, the model takes ${expected.length} inputs: ${expected.map((e) => e.name).join(', ')}`,
      'Save one array an input, in the order in which the model takes them.');
  }
  batch.forEach((meta, i) => {
    const want = expected[i]!;
    const fits = sizesFit(meta.shape, want);
    if (fits && !(want.integer && isFloat(meta.dtype))) return;
    const got = `[${['N', ...meta.shape.slice(1)].join(', ')}]`;
    throw misfit(`${source.path} gives ${got} of ${meta.dtype}, the model's input ${want.name} takes ${describe(want)}`,
      fits ? 'Save indices as integers: numpy.save(path, x.astype("int64")).' : advice(meta.shape, want, source));
  });
}

const misfit = (message: string, hint: string): QuantbenchError => new QuantbenchError('DATA_DOES_NOT_FIT', message, hint);

function sizesFit(shape: readonly number[], want: ExpectedInput): boolean {
  if (want.shape) return shape.length === want.shape.length && want.shape.every((d, i) => i === 0 || d === null || d === shape[i]);
  return want.last === null || shape.at(-1) === want.last;
}

/** `[N, 3, H, W]`, `[N, ..., 768]`, `integers`. */
function describe(want: ExpectedInput): string {
  const names = ['N', '', 'H', 'W'];
  const sizes = want.shape ? `[${want.shape.map((d, i) => (i === 0 ? 'N' : d ?? (want.shape!.length === 4 ? names[i] || 'any' : 'any'))).join(', ')}]`
    : want.last === null ? 'any sizes' : `[N, ..., ${want.last}]`;
  return want.integer ? `integers of ${sizes}` : sizes;
}

function advice(shape: readonly number[], want: ExpectedInput, { kind }: DataSource): string {
  const [, channels, height, width] = want.shape ?? [];
  const image = want.shape?.length === 4 && (channels === 1 || channels === 3 || channels === null);
  if (kind === 'folder') {
    if (!image) return 'Pictures become [N, 3, H, W]; save other data as .npy.';
    if (channels !== null && shape[1] !== channels) return `Read the pictures with ${channels === 1 ? 'one channel: --channels 1' : 'three channels: --channels 3'}.`;
    return `Give --resize and --crop, so that pictures become ${height ?? 'H'} x ${width ?? 'W'}${height !== null && height === width ? `: --resize ${height} --crop ${height}` : ''}.`;
  }
  const asked = `Save the data as ${describe(want)}`;
  if (!image || shape.length !== 4 || channels === null || shape[1] === channels) return `${asked}.`;
  return shape[1] === 1 ? `${asked}: numpy.repeat(x, ${channels}, axis=1) makes ${channels} channels of one.`
    : shape[3] === channels ? `${asked}: x.transpose(0, 3, 1, 2) puts the channels first.` : `${asked}.`;
}
