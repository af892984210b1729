import { QuantbenchError } from '../../../kernels/errors.ts';
import { numel, type DType, type HostTensor, type QParams } from '../../../kernels/tensor.ts';
import { TensorData } from '../../ir/constant.ts';
import { decodeElements, fileElementBytes } from '../npy/decode.ts';
import type { ZipFile } from '../zip/zipFile.ts';
import { damaged } from './errors.ts';

/** PyTorch's storage classes. */
export const STORAGE_DTYPES: Readonly<Record<string, DType>> = {
  FloatStorage: 'float32', DoubleStorage: 'float64', HalfStorage: 'float16', BFloat16Storage: 'bfloat16',
  LongStorage: 'int64', IntStorage: 'int32', ShortStorage: 'int16', ByteStorage: 'uint8', CharStorage: 'int8', BoolStorage: 'bool',
  QUInt8Storage: 'quint8', QInt8Storage: 'qint8', QInt32Storage: 'qint32',
};

/** A storage that a pickle refers to: one record of the archive. */
export class StorageRef {
  readonly dtype: DType;
  readonly record: string;
  readonly elements: number;
  constructor(dtype: DType, record: string, elements: number) { this.dtype = dtype; this.record = record; this.elements = elements; }
}

/** Views with zero strides may be larger than their storage, up to this many elements. */
const MAX_EXPANDED_ELEMENTS = 1 << 24;

/** Makes tensors over the records of one archive; their bytes are read when first asked for. */
export class TensorFactory {
  readonly #zip: ZipFile;
  readonly #bigEndian: boolean;

  constructor(zip: ZipFile, bigEndian: boolean) { this.#zip = zip; this.#bigEndian = bigEndian; }

  /** Checks that the record is there and as large as the pickle says. */
  storage(className: string, record: string, elements: number, file: string): StorageRef {
    const dtype = STORAGE_DTYPES[className];
    if (!dtype) {
      throw new QuantbenchError('TORCHSCRIPT_UNSUPPORTED_DTYPE', `${file}: a tensor is stored as torch.${className}`,
        'Complex and other rare types are not run here; convert the tensor to float before saving the model.');
    }
    const entry = this.#zip.entries.get(record);
    if (!entry) throw damaged(this.#zip.path, `the tensor record ${JSON.stringify(record)} is missing`);
    const want = elements * fileElementBytes(dtype);
    if (!Number.isSafeInteger(elements) || elements < 0 || entry.size !== want) {
      throw damaged(this.#zip.path, `the tensor record ${JSON.stringify(record)} has ${entry.size} bytes, ${elements} elements of ${dtype} need ${want}`);
    }
    return new StorageRef(dtype, record, elements);
  }

  /**
   * A tensor that views a storage. Throws TORCHSCRIPT_DAMAGED where sizes, strides and offset do not stay within it.
   * A view of a part reads only that part.
   */
  tensor(storage: StorageRef, offset: number, shape: readonly number[], strides: readonly number[], requiresGrad: boolean, q?: QParams): TensorData {
    const { dtype, record, elements } = storage;
    const describe = `tensor in ${record} of sizes [${shape.join(', ')}], strides [${strides.join(', ')}], offset ${offset}`;
    const index = (v: number): boolean => Number.isSafeInteger(v) && v >= 0;
    if (shape.length !== strides.length || shape.length > 64 || !index(offset) || !shape.every(index) || !strides.every(index)) {
      throw damaged(this.#zip.path, `${describe}: these are not valid`);
    }
    const count = numel(shape);
    const span = count === 0 ? 0 : shape.reduce((last, d, i) => last + (d - 1) * strides[i]!, 0) + 1;
    if (!Number.isSafeInteger(count) || !Number.isSafeInteger(span) || offset + span > elements) {
      throw damaged(this.#zip.path, `${describe} reaches past its storage of ${elements} elements`);
    }
    if (count > elements && count > MAX_EXPANDED_ELEMENTS) throw damaged(this.#zip.path, `${describe} expands ${elements} elements to ${count}`);
    const read = (): HostTensor => {
      const width = fileElementBytes(dtype);
      const bytes = this.#zip.readRange(record, offset * width, span * width);
      const data = decodeElements(bytes, { dtype, bigEndian: this.#bigEndian }, span, `${this.#zip.path}, ${record}`);
      const meta = { dtype, shape, strides, offset: 0 };
      return { meta: q ? { ...meta, q } : meta, data };
    };
    return new TensorData(dtype, shape, read, requiresGrad);
  }
}
