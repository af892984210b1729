import { QuantbenchError } from '../../../kernels/errors.ts';

/** A damaged or hostile part of an ONNX file. */
export function damaged(file: string, what: string): QuantbenchError {
  return new QuantbenchError('ONNX_DAMAGED', `${file}: ${what}`, 'The file is damaged: export the model again, or copy it again.');
}

/** A node that is valid ONNX but cannot be expressed here. `where` is describeNode's text. */
export function unsupported(where: string, what: string): QuantbenchError {
  return new QuantbenchError('ONNX_UNSUPPORTED', `${where}: ${what}`, 'Export the model with fixed ranks and constant arguments, for instance with a newer opset.');
}

/** A node that breaks the operator's own rules. */
export function invalid(where: string, what: string): QuantbenchError {
  return new QuantbenchError('ONNX_INVALID', `${where}: ${what}`, 'The file does not follow the ONNX specification: export the model again.');
}
