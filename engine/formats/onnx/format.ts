import type { ModelFormat } from '../format.ts';

/** Tags of ModelProto's fields producer_name, producer_version, domain, model_version, doc_string, graph, opset_import and metadata_props. */
const SECOND_FIELDS = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72]);

/** ONNX: a protobuf, which has no magic number. Writers start a ModelProto with its ir_version, a small number in field 1. */
export const onnxFormat: ModelFormat = {
  name: 'ONNX',
  extensions: ['.onnx'],
  matches: (head) => head[0] === 0x08 && head[1]! > 0 && head[1]! < 64 && SECOND_FIELDS.has(head[2] ?? 0),
  // The protobuf library is loaded with the first file that needs it.
  open: async (path) => (await import('./index.ts')).openOnnx(path),
};
