import { QuantbenchError } from '../../../kernels/errors.ts';
import { numel, type HostTensor } from '../../../kernels/tensor.ts';
import { TensorData } from '../../ir/constant.ts';
import { decodeElements, fileElementBytes } from '../npy/decode.ts';
import type { ZipFile } from '../zip/zipFile.ts';
import { damaged, unsupported } from './errors.ts';
import { MAX_JSON_BYTES, parseJson, type Cursor } from './json.ts';
import { dtypeName, dtypeOf, STRIDED } from './scalarTypes.ts';

/** Views with zero strides may be larger than their storage, up to this many elements. */
const MAX_EXPANDED_ELEMENTS = 1 << 24;

/** The tensors of one model of an archive, by the name that the program knows them by. Their bytes are read when first asked for. */
export class Weights {
  readonly #zip: ZipFile;
  readonly #root: string;
  readonly #model: string;
  readonly #bigEndian: boolean;
  readonly #configs: readonly { readonly folder: string; readonly entries: ReadonlyMap<string, Cursor> }[];
  readonly #made = new Map<string, TensorData>();

  /** Reads the two lists of what is stored where: weights, and constants (which hold the buffers that are not persistent too). */
  constructor(zip: ZipFile, root: string, model: string) {
    this.#zip = zip;
    this.#root = root;
    this.#model = model;
    this.#bigEndian = zip.has(`${root}byteorder`) && zip.read(`${root}byteorder`, 64).toString('latin1').trim() === 'big';
    this.#configs = ['weights', 'constants'].flatMap((kind) => {
      const folder = `data/${kind}/`;
      const member = `${root}${folder}${model}_${kind}_config.json`;
      if (!zip.has(member)) return [];
      const entries = new Map(parseJson(zip.read(member, MAX_JSON_BYTES), `${zip.path}, ${member}`).field('config').entries());
      return [{ folder, entries }];
    });
  }

  /** Throws PT2_MISSING_WEIGHT, PT2_DAMAGED or PT2_UNSUPPORTED. */
  tensor(name: string): TensorData {
    const known = this.#made.get(name);
    if (known) return known;
    for (const { folder, entries } of this.#configs) {
      const entry = entries.get(name);
      if (!entry) continue;
      const tensor = this.#read(name, folder, entry);
      this.#made.set(name, tensor);
      return tensor;
    }
    throw new QuantbenchError('PT2_MISSING_WEIGHT', `${this.#zip.path}: the model ${this.#model} reads ${JSON.stringify(name)}, but the archive stores no tensor of that name`,
      'Save the model again with torch.export.save of PyTorch 2.9 or later, weights included.');
  }

  #read(name: string, folder: string, entry: Cursor): TensorData {
    const where = `${this.#zip.path}, tensor ${name}`;
    if (entry.optional('use_pickle')?.bool()) {
      throw unsupported(where, 'is stored as a pickled tensor subclass', 'Turn it into a plain tensor before torch.export.');
    }
    const record = `${this.#root}${folder}${entry.field('path_name').string()}`;
    const member = this.#zip.entries.get(record);
    if (!member) throw damaged(where, `the record ${JSON.stringify(record)} is missing`);
    const meta = entry.field('tensor_meta');
    const layout = meta.field('layout').int();
    if (layout !== STRIDED) throw unsupported(where, `has layout ${layout}, not strided`, 'Make it a dense tensor before torch.export.');
    const dtype = dtypeOf(meta.field('dtype').int());
    if (!dtype) throw unsupported(where, `holds ${dtypeName(meta.field('dtype').int())}`, 'Convert the tensor to float before torch.export.');
    const shape = meta.field('sizes').list().map(fixedInt);
    const strides = meta.field('strides').list().map(fixedInt);
    const offset = fixedInt(meta.field('storage_offset'));
    const describe = `sizes [${shape.slice(0, 8).join(', ')}], strides [${strides.slice(0, 8).join(', ')}], offset ${offset}`;
    const valid = (v: number): boolean => Number.isSafeInteger(v) && v >= 0;
    if (shape.length !== strides.length || shape.length > 64 || !valid(offset) || !shape.every(valid) || !strides.every(valid)) {
      throw damaged(where, `${describe}: these are not valid`);
    }
    const width = fileElementBytes(dtype);
    const elements = Math.floor(member.size / width);
    const count = numel(shape);
    const span = count === 0 ? 0 : shape.reduce((last, d, i) => last + (d - 1) * strides[i]!, 0) + 1;
    if (!Number.isSafeInteger(count) || !Number.isSafeInteger(span) || offset + span > elements) {
      throw damaged(where, `${describe} reaches past the ${member.size} bytes (${elements} elements of ${dtype}) of record ${JSON.stringify(record)}`);
    }
    if (count > elements && count > MAX_EXPANDED_ELEMENTS) throw damaged(where, `${describe} expands ${elements} elements to ${count}`);
    const read = (): HostTensor => {
      const bytes = this.#zip.readRange(record, offset * width, span * width);
      return { meta: { dtype, shape, strides, offset: 0 }, data: decodeElements(bytes, { dtype, bigEndian: this.#bigEndian }, span, where) };
    };
    return new TensorData(dtype, shape, read, meta.optional('requires_grad')?.bool() ?? false);
  }
}

/** Stored tensors have known sizes: a symbolic one is damage. */
function fixedInt(c: Cursor): number {
  const [tag, v] = c.tagged();
  if (tag !== 'as_int') throw c.bad('a number');
  return v.int();
}
