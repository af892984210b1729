import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type ModelProto } from 'onnx-buf';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { OpenedModel } from '../format.ts';
import { damaged } from './errors.ts';
import { lowerModel } from './lower.ts';
import { buildModuleTree } from './moduleTree.ts';
import { PagedFile } from './pagedFile.ts';
import { TensorReader } from './tensors.ts';
import { readSkeleton, type Skeleton } from './wire.ts';

/**
 * Opens an ONNX file (opsets 7 to 22, weights inside or in files beside it) as a module tree over PyTorch's operators. No weight is read yet.
 * Throws ONNX_NOT_FOUND, ONNX_DAMAGED, ONNX_INVALID, ONNX_OPSET, ONNX_TOO_DEEP, ONNX_TOO_LARGE, ONNX_UNSUPPORTED, ONNX_UNSUPPORTED_DTYPE,
 * ONNX_EXTERNAL_PATH, ONNX_EXTERNAL_MISSING.
 */
export async function openOnnx(path: string): Promise<OpenedModel> {
  const file = new PagedFile(path);
  let reader: TensorReader | undefined;
  try {
    const skeleton = readSkeleton(file);
    const model = decode(path, skeleton);
    reader = new TensorReader(file, skeleton);
    const flat = lowerModel(path, model, reader);
    const module = buildModuleTree(flat);
    const close = reader.close.bind(reader);
    return await Promise.resolve({ path, module, format: formatName(model), fileBytes: file.size, inputs: flat.inputs, warnings: flat.warnings, close });
  } catch (e) {
    if (reader) reader.close();
    else file.close();
    if (e instanceof QuantbenchError) throw e;
    throw damaged(path, `it cannot be understood: ${(e as Error).message}`);
  }
}

function decode(path: string, skeleton: Skeleton): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, skeleton.bytes);
  } catch (e) {
    throw damaged(path, `it is no ONNX model: ${(e as Error).message}`);
  }
}

function formatName(model: ModelProto): string {
  const opset = model.opsetImport.find((o) => o.domain === '' || o.domain === 'ai.onnx');
  return `ONNX (opset ${opset ? Number(opset.version) : '?'}${model.producerName ? `, ${model.producerName.slice(0, 40)}` : ''})`;
}
