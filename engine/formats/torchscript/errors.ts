import { QuantbenchError } from '../../../kernels/errors.ts';

/** A damaged or hostile part of a TorchScript archive. */
export function damaged(file: string, what: string): QuantbenchError {
  return new QuantbenchError('TORCHSCRIPT_DAMAGED', `${file}: ${what}`, 'The file is damaged: save the model again with torch.jit.save, or copy it again.');
}

/** A construct of TorchScript that is valid but not known here. */
export function unsupported(where: string, what: string): QuantbenchError {
  return new QuantbenchError('TORCHSCRIPT_UNSUPPORTED', `${where}: ${what}`,
    'Trace the model with torch.jit.trace instead of scripting it: a trace holds no Python constructs.');
}
