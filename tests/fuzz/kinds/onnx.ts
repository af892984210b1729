/** ONNX: protobufs, and the files beside them that hold data. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { f32, i64, modelBytes, scalar, type TestModel, type TestNode } from '../../../engine/formats/onnx/testing.ts';
import { exerciseModel } from '../exercise.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { fixture } from '../models.ts';
import { mutateBytes, TEXT_NUMBERS, utf8 } from '../mutate.ts';
import type { Random } from '../random.ts';

const model = (nodes: readonly TestNode[], more: Partial<TestModel> = {}): TestModel =>
  ({ opset: 17, inputs: { x: { dtype: 'float32', shape: ['n', 3] } }, outputs: { y: { dtype: 'float32', rank: null } }, nodes, ...more });
const SEEDS = [
  modelBytes(model([{ op: 'Relu', inputs: ['x'], outputs: ['y'], name: '/body/act/Relu' }])),
  modelBytes(model([
    { op: 'Gemm', name: '/fc/Gemm', inputs: ['x', 'w', 'b'], outputs: ['c'], attributes: { transB: 1 } },
    { op: 'Shape', inputs: ['c'], outputs: ['s'] }, { op: 'Gather', inputs: ['s', 'one'], outputs: ['g'], attributes: { axis: 0 } },
    { op: 'Unsqueeze', inputs: ['g', 'axes'], outputs: ['u'] }, { op: 'Concat', inputs: ['two', 'u'], outputs: ['target'], attributes: { axis: 0 } },
    { op: 'Reshape', inputs: ['c', 'target'], outputs: ['r'] }, { op: 'Softmax', inputs: ['r'], outputs: ['y'], attributes: { axis: -1 } },
  ], { constants: { w: f32([4, 3], Array.from({ length: 12 }, (_, i) => i / 10)), b: f32([4], [1, 2, 3, 4]), two: i64([2]), one: scalar('int64', 1), axes: i64([0]) } })),
  modelBytes(model([
    { op: 'QuantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['q'] }, { op: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'], outputs: ['d'] },
    { op: 'If', inputs: ['yes'], outputs: ['y'], attributes: {
      then_branch: { graph: { inputs: {}, outputs: { a: { dtype: 'float32', rank: 2 } }, nodes: [{ op: 'Neg', inputs: ['d'], outputs: ['a'] }] } },
      else_branch: { graph: { inputs: {}, outputs: { a: { dtype: 'float32', rank: 2 } }, nodes: [{ op: 'Abs', inputs: ['d'], outputs: ['a'] }] } },
    } },
  ], { constants: { scale: scalar('float32', 0.1), zero: scalar('uint8', 3), yes: scalar('bool', 1) } })),
];
const LARGE = fixture('onnx/digit_mobilenet.onnx');

const varint = (v: bigint): number[] => (v < 128n ? [Number(v)] : [Number(v & 127n) | 128, ...varint(v >> 7n)]);
const field = (n: number, body: Uint8Array): Uint8Array => Uint8Array.from([...varint(BigInt(n * 8 + 2)), ...varint(BigInt(body.length)), ...body]);
const onnx = (name: string, expect: Hostile['expect'], bytes: () => Uint8Array, others: Files = {}): Hostile => ({ name, expect, files: () => ({ 'input.onnx': bytes(), ...others }) });
const withGraph = (graph: object): Uint8Array => toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph: { name: 'g', ...graph } }));
const tensor = (extra: object): Uint8Array => withGraph({ initializer: [{ name: 'w', dataType: 1, ...extra }], output: [{ name: 'w' }] });
const external = (location: string, ...more: [string, string][]): Uint8Array =>
  tensor({ dims: [4n], dataLocation: 1, externalData: [['location', location], ...more].map(([key, value]) => ({ key, value })) });
const loop = (trips: bigint, body: readonly TestNode[]): Uint8Array => modelBytes(model([
  { op: 'Loop', inputs: ['trips', 'yes', 'x'], outputs: ['y'], attributes: { body: { graph: {
    inputs: { i: { dtype: 'int64', shape: [] }, c: { dtype: 'bool', shape: [] }, v: { dtype: 'float32', shape: ['n', 3] } },
    outputs: { c: { dtype: 'bool', rank: 0 }, o: { dtype: 'float32', rank: 2 } }, nodes: body,
  } } } },
], { constants: { trips: { dtype: 'int64', shape: [], data: [Number(trips)] }, yes: scalar('bool', 1) } }));

const HOSTILE: readonly Hostile[] = [
  onnx('a million messages in each other', /ONNX_/, () => { let body: Uint8Array = new Uint8Array(); for (let i = 0; i < 300; i++) for (const n of [6, 5, 1]) body = field(n, body); return Uint8Array.from([8, 8, ...field(7, body)]); }),
  onnx('a million empty nodes', 'ONNX_TOO_LARGE', () => { const body = new Uint8Array(2_400_000); for (let i = 0; i < body.length; i += 2) body[i] = 0x0a; return Uint8Array.from([8, 8, 0x3a, ...varint(BigInt(body.length)), ...body]); }),
  onnx('a length beyond the end', 'ONNX_DAMAGED', () => Uint8Array.from([8, 8, 0x3a, 255, 255, 255, 255, 15, 1])),
  onnx('a length of 2^63', 'ONNX_DAMAGED', () => Uint8Array.from([8, 8, 0x3a, 255, 255, 255, 255, 255, 255, 255, 255, 127, 1])),
  onnx('sizes that overflow', 'ONNX_DAMAGED', () => tensor({ dims: [1n << 40n, 1n << 40n], rawData: new Uint8Array(4) })),
  onnx('a negative size', 'ONNX_DAMAGED', () => tensor({ dims: [-4n], rawData: new Uint8Array(16) })),
  onnx('less data than its sizes', 'ONNX_DAMAGED', () => tensor({ dims: [1000n], rawData: new Uint8Array(16) })),
  onnx('text as an element type', 'ONNX_UNSUPPORTED_DTYPE', () => tensor({ dims: [1n], dataType: 8 })),
  ...['/etc/passwd', '../../../etc/passwd', 'a/../../secret', 'C:\\secret', '\\\\host\\share', '', 'a\0b', '..', '.'].map((at) => onnx(`data in ${JSON.stringify(at)}`, /ONNX_EXTERNAL_/, () => external(at))),
  onnx('data in a link that leaves the folder', 'ONNX_EXTERNAL_MISSING', () => external('w.bin'), { 'w.bin': '/etc/passwd' }),
  onnx('data in a folder that is a link', /ONNX_EXTERNAL_/, () => external('d/passwd'), { d: '/etc' }),
  onnx('data in the model itself', /RUNTIME_ARGUMENT_COUNT|ONNX_/, () => external('input.onnx')),
  onnx('data past its file', 'ONNX_DAMAGED', () => external('w.bin', ['offset', '99999999999']), { 'w.bin': new Uint8Array(16) }),
  onnx('data of another length', 'ONNX_DAMAGED', () => external('w.bin', ['length', '-1']), { 'w.bin': new Uint8Array(16) }),
  onnx('a loop without an end', /RUNTIME_ENDLESS_LOOP/, () => loop(9_007_199_254_740_991n, [{ op: 'Neg', inputs: ['v'], outputs: ['o'] }])),
  onnx('a loop that doubles a tensor', /RUNTIME_|OUT_OF_MEMORY|ONNX_|KERNEL_/, () => loop(60n, [{ op: 'Concat', inputs: ['v', 'v'], outputs: ['o'], attributes: { axis: 0 } }])),
  onnx('a range of 2^40', /OUT_OF_MEMORY|TOO_LARGE|ONNX_|RUNTIME_|KERNEL_/, () => modelBytes(model([{ op: 'Range', inputs: ['a', 'b', 'c'], outputs: ['y'] }], { constants: { a: scalar('int64', 0), b: scalar('int64', 2 ** 40), c: scalar('int64', 1) } }))),
  onnx('zeros of 2^40', /OUT_OF_MEMORY|TOO_LARGE|ONNX_|RUNTIME_|KERNEL_/, () => modelBytes(model([{ op: 'ConstantOfShape', inputs: ['s'], outputs: ['y'] }], { constants: { s: i64([2 ** 20, 2 ** 20]) } }))),
  onnx('expanded without end', /OUT_OF_MEMORY|TOO_LARGE|ONNX_|RUNTIME_|KERNEL_/, () => modelBytes(model([{ op: 'Expand', inputs: ['x', 's'], outputs: ['e'] }, { op: 'Neg', inputs: ['e'], outputs: ['y'] }], { constants: { s: i64([2 ** 20, 2 ** 20, 2, 3]) } }))),
  onnx('tiled without end', /OUT_OF_MEMORY|TOO_LARGE|ONNX_|RUNTIME_|KERNEL_/, () => modelBytes(model([{ op: 'Tile', inputs: ['x', 's'], outputs: ['y'] }], { constants: { s: i64([2 ** 30, 2 ** 10]) } }))),
  onnx('padded without end', /OUT_OF_MEMORY|TOO_LARGE|ONNX_|RUNTIME_|KERNEL_|OPERATOR_/, () => modelBytes(model([{ op: 'Pad', inputs: ['x', 's'], outputs: ['y'] }], { constants: { s: i64([2 ** 30, 2 ** 10, 0, 0]) } }))),
  onnx('a function that calls itself', /ONNX_/, () => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 8n, opsetImport: [{ domain: '', version: 17n }, { domain: 'f', version: 1n }],
    graph: { name: 'g', input: [{ name: 'x' }], output: [{ name: 'y' }], node: [{ opType: 'F', domain: 'f', input: ['x'], output: ['y'] }] },
    functions: [{ name: 'F', domain: 'f', input: ['x'], output: ['y'], opsetImport: [{ domain: '', version: 17n }], node: [{ opType: 'F', domain: 'f', input: ['x'], output: ['y'] }] }],
  }))),
  onnx('functions that call the next one twice', /ONNX_/, () => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 8n, opsetImport: [{ domain: '', version: 17n }, { domain: 'f', version: 1n }],
    graph: { name: 'g', input: [{ name: 'x' }], output: [{ name: 'y' }], node: [{ opType: 'F0', domain: 'f', input: ['x'], output: ['y'] }] },
    functions: Array.from({ length: 30 }, (_, i) => ({
      name: `F${i}`, domain: 'f', input: ['x'], output: ['z'], opsetImport: [{ domain: '', version: 17n }],
      node: i === 29 ? [{ opType: 'Relu', input: ['x'], output: ['z'] }] : [{ opType: `F${i + 1}`, domain: 'f', input: ['x'], output: ['y'] }, { opType: `F${i + 1}`, domain: 'f', input: ['y'], output: ['z'] }],
    })),
  }))),
  onnx('no bytes', /ONNX_|TORCHSCRIPT_/, () => new Uint8Array()),
  onnx('text', /ONNX_|TORCHSCRIPT_/, () => utf8('this is not a model at all')),
  onnx('names of the prototype', /ONNX_|OPERATOR_|INLINE_/, () => withGraph({ node: [{ opType: 'constructor', input: ['x'], output: ['__proto__'] }, { opType: 'toString', domain: '__proto__', input: ['__proto__'], output: ['y'] }], input: [{ name: 'x' }], output: [{ name: 'y' }] })),
  onnx('a module path 5,000 deep', /ok|ONNX_/, () => modelBytes(model([{ op: 'Relu', inputs: ['x'], outputs: ['y'], name: `${'/a'.repeat(5000)}/Relu` }]))),
];

/** A value of the message, somewhere, put to an extreme: what is encoded again is a valid protobuf. */
function mutateFields(bytes: Uint8Array, r: Random): Uint8Array {
  const message = fromBinary(ModelProtoSchema, bytes);
  const places: [Record<string, unknown>, string][] = [];
  const visit = (at: unknown): void => {
    if (typeof at !== 'object' || at === null || at instanceof Uint8Array || places.length > 5000) return;
    for (const key of Object.keys(at)) {
      if (key.startsWith('$')) continue;
      places.push([at as Record<string, unknown>, key]);
      visit((at as Record<string, unknown>)[key]);
    }
  };
  visit(message);
  for (let n = r.int(1, 3); n > 0; n--) {
    const [holder, key] = r.pick(places);
    const v = holder[key];
    if (typeof v === 'number') holder[key] = r.pick([0, 1, -1, 7, 127, 2147483647, -2147483648]);
    else if (typeof v === 'bigint') holder[key] = r.pick([0n, 1n, -1n, 3n, 1n << 31n, 1n << 40n, (1n << 53n) + 1n, (1n << 63n) - 1n, -(1n << 63n)]);
    else if (typeof v === 'string') holder[key] = r.pick(['', 'x', 'y', 'w', 'Loop', 'If', 'Conv', 'Reshape', 'Slice', 'Expand', 'Tile', 'Pad', 'Resize', 'TopK', '__proto__', v.repeat(300), `${v}\u0000`, ...TEXT_NUMBERS.slice(0, 3)]);
    else if (v instanceof Uint8Array && v.length > 0) holder[key] = mutateBytes(v, r, v);
    else if (Array.isArray(v)) {
      const list = v as unknown[];
      if (r.oneIn(2)) list.splice(r.below(list.length + 1), 1);
      else if (list.length > 0) list.push(...new Array<unknown>(r.pick([1, 2, 300])).fill(r.pick(list)));
    }
  }
  try {
    return toBinary(ModelProtoSchema, message);
  } catch {
    // A number that its field cannot hold: no file has it.
    return bytes;
  }
}

function make(r: Random): Files {
  const large = r.oneIn(15);
  const seed = large ? LARGE : r.pick(SEEDS);
  if (large || r.oneIn(2)) return { 'input.onnx': mutateBytes(seed, r, r.pick(SEEDS)) };
  return { 'input.onnx': mutateFields(seed, r) };
}

export const onnxKind: FuzzKind = { name: 'onnx', make, hostile: HOSTILE, check: (path) => exerciseModel(path, [2, 3]) };
