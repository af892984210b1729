import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Constant, ScriptObject } from '../../ir/constant.ts';
import { ModuleObject } from '../../ir/module.ts';
import { ZipFile } from '../zip/zipFile.ts';
import type { QParams } from '../../../kernels/tensor.ts';
import { TensorData } from '../../ir/constant.ts';
import { readDebugInfo, type DebugInfo } from './debugInfo.ts';
import { damaged } from './errors.ts';
import { PACKED_CLASS, packedParams } from './packedParams.ts';
import { restoreModule } from './setState.ts';
import { STORAGE_DTYPES, StorageRef, TensorFactory } from './tensors.ts';
import { CodeUnit, type CodeSource } from './unit.ts';
import { PickleGlobal, unpickle, type PickleHooks, type PickleInstance, type PickleValue } from './unpickler.ts';

/** The newest file format that this reader knows: PyTorch's kMaxSupportedFileFormatVersion. */
const MAX_VERSION = 10;
const MAX_PICKLE = 64 << 20;
const MAX_SOURCE = 16 << 20;

/** Whatever a pickle may mention besides the model's own classes. Each builds data; none runs anything. */
const PLAIN_NAMES = new Set([
  'torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_qtensor', 'torch._utils._rebuild_parameter', 'collections.OrderedDict', 'torch.device',
  'torch.jit._pickle.build_intlist', 'torch.jit._pickle.build_tensorlist', 'torch.jit._pickle.build_doublelist', 'torch.jit._pickle.build_boollist',
  'torch.jit._pickle.restore_type_tag', 'torch.per_tensor_affine', 'torch.per_channel_affine', 'torch.per_tensor_symmetric', 'torch.per_channel_symmetric',
  'torch.per_channel_affine_float_qparams',
]);

/** A TorchScript archive: the zip, its code, and its pickles as values. */
export class Archive implements CodeSource {
  readonly path: string;
  readonly zip: ZipFile;
  readonly version: number;
  readonly unit: CodeUnit;
  readonly #root: string;
  readonly #tensors: TensorFactory;
  #constants: readonly Constant[] | undefined;

  /** `root` is the one folder that holds everything. */
  constructor(zip: ZipFile, root: string) {
    this.zip = zip;
    this.path = zip.path;
    this.#root = root;
    this.version = this.#version();
    this.#tensors = new TensorFactory(zip, this.#byteOrder() === 'big');
    this.unit = new CodeUnit(this);
  }

  has(record: string): boolean { return this.zip.has(this.#root + record); }

  source(file: string): string | undefined {
    const name = `${this.#root}code/${file}`;
    return this.zip.has(name) ? this.zip.read(name, MAX_SOURCE).toString('utf8') : undefined;
  }

  debugInfo(file: string): DebugInfo | undefined {
    const name = `${this.#root}code/${file}.debug_pkl`;
    return this.zip.has(name) ? readDebugInfo(this.zip.read(name, MAX_PICKLE), `${this.path}:code/${file}.debug_pkl`) : undefined;
  }

  constants(): readonly Constant[] {
    if (!this.#constants) {
      const value = this.unpickle('constants');
      if (!Array.isArray(value)) throw damaged(this.path, 'constants.pkl does not hold a tuple');
      this.#constants = value as readonly Constant[];
    }
    return this.#constants;
  }

  /** The value of `NAME.pkl`; its tensors are the records `NAME/0`, `NAME/1`... Throws UNPICKLE_* and TORCHSCRIPT_*. */
  unpickle(name: string): PickleValue {
    const file = `${this.path}:${name}.pkl`;
    return unpickle(this.zip.read(`${this.#root}${name}.pkl`, MAX_PICKLE), file, this.#hooks(name, file));
  }

  #hooks(name: string, file: string): PickleHooks {
    return {
      allows: (g) => PLAIN_NAMES.has(g.qualified) || (g.module === 'torch' && g.name in STORAGE_DTYPES) || /^torch\.(Untyped|Complex\w+)Storage$/.test(g.qualified),
      call: (g, args) => this.#call(g, args, file),
      persistent: (id) => this.#storage(id, name, file),
      build: (instance, state) => this.#build(instance, state, file),
    };
  }

  #call(g: PickleGlobal, args: readonly PickleValue[], file: string): PickleValue | undefined {
    switch (g.qualified) {
      case 'torch._utils._rebuild_tensor_v2': return this.#tensor(args, file);
      case 'torch._utils._rebuild_qtensor': return this.#quantizedTensor(args, file);
      case 'torch._utils._rebuild_parameter': return args[0];
      case 'collections.OrderedDict': return new Map<PickleValue, PickleValue>();
      case 'torch.device': return typeof args[0] === 'string' ? args[0] : undefined;
      case 'torch.jit._pickle.build_intlist': case 'torch.jit._pickle.build_doublelist': case 'torch.jit._pickle.build_boollist':
      case 'torch.jit._pickle.build_tensorlist': return Array.isArray(args[0]) ? args[0] : undefined;
      // (value, "List[Tensor]"): the type only matters to Python.
      case 'torch.jit._pickle.restore_type_tag': return args[0];
      // A member of an enum, by its value.
      default: return this.unit.enumMembers(g.qualified) && args.length === 1 ? args[0] : undefined;
    }
  }

  /** ("storage", torch.FloatStorage, "0", "cpu", 400) */
  #storage(id: readonly PickleValue[], name: string, file: string): StorageRef {
    const [tag, type, key, , elements] = id;
    if (tag !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string' || typeof elements !== 'number') throw damaged(file, 'a reference to a tensor record is not valid');
    return this.#tensors.storage(type.name, `${this.#root}${name}/${key}`, elements, file);
  }

  #tensor(args: readonly PickleValue[], file: string, q?: QParams): TensorData {
    const [storage, offset, shape, strides, requiresGrad] = args;
    if (!(storage instanceof StorageRef) || typeof offset !== 'number') throw damaged(file, 'a tensor lacks its storage');
    return this.#tensors.tensor(storage, offset, numbers(shape, file), numbers(strides, file), requiresGrad === true, q);
  }

  /** As #tensor, with qparams before requires_grad: (per_tensor_affine, scale, zero_point) or (per_channel_affine, scales, zero_points, axis). */
  #quantizedTensor(args: readonly PickleValue[], file: string): TensorData {
    const [storage, offset, shape, strides, qparams, requiresGrad] = args;
    const [scheme, scale, zeroPoint, axis] = Array.isArray(qparams) ? (qparams as PickleValue[]) : [];
    const name = scheme instanceof PickleGlobal ? scheme.name : '';
    const plain = [storage, offset, shape, strides, requiresGrad] as PickleValue[];
    if (name.startsWith('per_tensor') && typeof scale === 'number' && typeof zeroPoint === 'number') {
      return this.#tensor(plain, file, { scheme: 'per_tensor_affine', scale, zeroPoint });
    }
    if (name.startsWith('per_channel') && scale instanceof TensorData && zeroPoint instanceof TensorData && typeof axis === 'number') {
      const size = numbers(shape, file)[axis];
      if (scale.shape[0] !== size || zeroPoint.shape[0] !== size) throw damaged(file, `a tensor of sizes [${numbers(shape, file).join(', ')}] has ${scale.shape[0] ?? 0} scales for axis ${axis}`);
      return this.#tensor(plain, file, { scheme: 'per_channel_affine', scales: [...scale.host().data], zeroPoints: [...zeroPoint.host().data], axis });
    }
    throw damaged(file, 'a quantized tensor has qparams of an unknown form');
  }

  #build(instance: PickleInstance, state: PickleValue, file: string): Constant {
    const { className } = instance;
    if (PACKED_CLASS.test(className)) return packedParams(className, state, file);
    if (this.unit.isModule(className)) {
      if (!(state instanceof Map)) {
        const type = this.unit.moduleType(className);
        if (type.methodNames().includes('__setstate__')) return restoreModule(type, state as Constant, file);
        throw damaged(file, `the state of ${className} is not a dict`);
      }
      const attributes = new Map<string, Constant>();
      for (const [k, v] of state as Map<PickleValue, PickleValue>) {
        if (typeof k !== 'string') throw damaged(file, `an attribute of ${className} has no name`);
        attributes.set(k, v as Constant);
      }
      return new ModuleObject(this.unit.moduleType(className), attributes);
    }
    const object: ScriptObject = { kind: 'ScriptObject', className, state: state as Constant };
    return object;
  }

  #version(): number {
    const name = this.has('version') ? 'version' : '.data/version';
    const text = this.has(name) ? this.zip.read(this.#root + name, 64).toString('latin1').trim() : '';
    const version = Number(text);
    if (!/^\d+$/.test(text)) throw damaged(this.path, `its version record reads ${JSON.stringify(text)}`);
    if (version > MAX_VERSION) {
      throw new QuantbenchError('TORCHSCRIPT_VERSION', `${this.path} has file format version ${version}, versions up to ${MAX_VERSION} are known`, 'Save the model with an older PyTorch.');
    }
    return version;
  }

  #byteOrder(): string {
    return this.has('byteorder') ? this.zip.read(`${this.#root}byteorder`, 64).toString('latin1').trim() : 'little';
  }
}

function numbers(v: PickleValue | undefined, file: string): number[] {
  if (!Array.isArray(v) || !v.every((e) => typeof e === 'number')) throw damaged(file, 'sizes or strides of a tensor are not integers');
  return v as number[];
}
