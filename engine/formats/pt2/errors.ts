import { QuantbenchError } from '../../../kernels/errors.ts';

const SAVE_AGAIN = 'The file is damaged: save the model again with torch.export.save, or copy it again.';

/** A damaged or hostile part of a torch.export archive. `where` names the file and, where there is one, the node or the JSON field. */
export function damaged(where: string, what: string): QuantbenchError {
  return new QuantbenchError('PT2_DAMAGED', `${where}: ${what}`, SAVE_AGAIN);
}

/** Valid, but not run here. */
export function unsupported(where: string, what: string, hint: string): QuantbenchError {
  return new QuantbenchError('PT2_UNSUPPORTED', `${where}: ${what}`, hint);
}
