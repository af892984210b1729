import { QuantbenchError } from '../../kernels/errors.ts';
import { makeMeta } from '../../kernels/layout.ts';
import type { TensorMeta } from '../../kernels/tensor.ts';
import { exportOnnx, OPSETS } from '../export/onnx/index.ts';
import { exportTorchScript } from '../export/torchscript/index.ts';
import { writeAtomically } from '../formats/atomicWrite.ts';
import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import type { CalibrationState, JobHandle } from './api.ts';
import { openDataset } from './data/dataset.ts';
import { deviceFor } from './devices.ts';
import { openModel, type OpenModel } from './models.ts';
import { Progress } from './progress.ts';
import { convertModel } from './quantized.ts';
import type { DataSpec, ExportBias, ExportFormat, ExportSummary, Precision, QConfigSpec } from './types.ts';

export interface ExportRequest {
  modelPath: string;
  format: ExportFormat;
  /** int8 needs the two below. */
  precision: Precision;
  qconfig?: QConfigSpec;
  calibration?: CalibrationState;
  /** Tells the shapes and types of the inputs, which ONNX needs; else `shape` does. */
  data?: DataSpec;
  shape?: number[];
  /** Of ONNX; default 17. */
  opset?: number;
  /** Of ONNX: `float` (default) gives the numbers of this app, `int32` lets runtimes fuse convolutions into int8 kernels. */
  bias?: ExportBias;
  /** Where the file goes. */
  output: string;
}

/**
 * EngineApi.exportModel: writes the converted (int8) or frozen (fp32) graph as a model file.
 * Throws MODE_NOT_QUANTIZED, EXPORT_NO_SHAPE, EXPORT_WRITE and the formats' own codes.
 */
export async function exportModel(request: ExportRequest, job: JobHandle): Promise<ExportSummary> {
  const progress = new Progress(job, 'export', 2);
  const model = await openModel(request.modelPath);
  progress.step(0, request.precision === 'int8' ? 'converting' : 'freezing');
  const { graph, module } = await graphOf(model, request);
  const { format, precision, output: path } = request;
  progress.step(1, `writing ${path}`);
  if (format === 'torchscript') {
    const bytes = exportTorchScript({ graph, module, name: model.name });
    writeAtomically(path, bytes, 'EXPORT_WRITE');
    return { path, format, precision, bytes: bytes.length, opset: null, dynamicBatch: null };
  }
  const opset = request.opset ?? OPSETS.standard;
  const inputs = await inputMetas(model, request);
  const { bytes, dynamicBatch } = await exportOnnx({ graph, module, name: model.name, inputs, opset, bias: request.bias ?? 'float', device: await deviceFor('cpu') });
  writeAtomically(path, bytes, 'EXPORT_WRITE');
  return { path, format, precision, bytes: bytes.length, opset, dynamicBatch };
}

async function graphOf(model: OpenModel, request: ExportRequest): Promise<{ graph: Graph; module: ModuleObject }> {
  if (request.precision === 'fp32') return { graph: model.stages().frozen, module: model.module };
  const converted = request.qconfig && request.calibration ? (await convertModel(model, request.qconfig, request.calibration)).scripted?.converted : undefined;
  if (!converted) {
    throw new QuantbenchError('MODE_NOT_QUANTIZED', `${model.path} has no int8 graph to export: it was not calibrated in scripted mode`, 'Quantize with --mode scripted or both.');
  }
  return converted;
}

async function inputMetas(model: OpenModel, request: ExportRequest): Promise<TensorMeta[]> {
  if (request.data) {
    const dataset = await openDataset(request.data, model);
    try {
      return (await dataset.batch(0, 1)).map((t) => t.meta);
    } finally {
      dataset.close();
    }
  }
  if (request.shape) return [makeMeta('float32', request.shape)];
  throw new QuantbenchError('EXPORT_NO_SHAPE', `ONNX needs the shape of the input of ${model.path}, and there is no data that tells it`, 'Export a session with data, or give --shape.');
}
