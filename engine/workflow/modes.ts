import type { Device } from '../../kernels/device/index.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { ConvertedModule } from '../nn/convert.ts';
import { innerPath } from '../nn/prepare.ts';
import type { CalibrationState } from './api.ts';
import { graphBytes, moduleBytes } from './modelBytes.ts';
import type { OpenModel } from './models.ts';
import { convertModel, fp32OptimizedFor, type ConvertedModel } from './quantized.ts';
import { eagerRunner, scriptedRunner, type Runner } from './runner.ts';
import type { ModeId, QConfigSpec } from './types.ts';
import { checkSupported } from './unsupported.ts';

/** A model in its four modes, as far as it has been quantized. */
export interface ModeSource {
  readonly model: OpenModel;
  /** Throws MODE_NOT_QUANTIZED for an int8 mode that was not calibrated. */
  runner(mode: ModeId, device: Device): Runner;
  imperative(): ConvertedModule | null;
  scripted(): ConvertedModel['scripted'];
  /** The path of a module within the model, from the one that a mode's profile gives: imperative mode runs the model in a wrapper. */
  modulePath(mode: ModeId, path: string): string;
  /** Bytes of the weights as that mode holds them. */
  modelBytes(mode: ModeId): number;
}

/** Converts the model by a calibration, where there is one. Throws OPERATOR_UNSUPPORTED and what converting throws. */
export async function modeSource(model: OpenModel, quantization: { qconfig?: QConfigSpec; calibration?: CalibrationState }): Promise<ModeSource> {
  checkSupported(model);
  const { qconfig, calibration } = quantization;
  const fp32 = await fp32OptimizedFor(model, calibration?.inputShapes);
  const converted: ConvertedModel | null = qconfig && calibration ? await convertModel(model, qconfig, calibration) : null;
  const scripted = (): NonNullable<ConvertedModel['scripted']> => need(converted?.scripted, 'int8-scripted', 'scripted');
  const imperative = (): ConvertedModule => need(converted?.imperative, 'int8-eager', 'imperative');
  return {
    model,
    imperative: () => converted?.imperative ?? null,
    scripted: () => converted?.scripted ?? null,
    modulePath: (mode, path) => (mode === 'int8-eager' ? innerPath(path) : path),
    runner(mode, device) {
      switch (mode) {
        case 'fp32-eager': return eagerRunner(model.module, device);
        case 'fp32-scripted': return scriptedRunner(fp32.graph, device, fp32.module);
        case 'int8-eager': return eagerRunner(imperative().wrapper, device, imperative().hooks);
        case 'int8-scripted': return scriptedRunner(scripted().optimized.graph, device, scripted().optimized.module);
      }
    },
    modelBytes(mode) {
      switch (mode) {
        case 'fp32-eager': return moduleBytes(model.module);
        case 'fp32-scripted': return graphBytes(fp32.graph, fp32.module);
        case 'int8-eager': return moduleBytes(imperative().wrapper);
        case 'int8-scripted': return graphBytes(scripted().optimized.graph, scripted().optimized.module);
      }
    },
  };
}

function need<T>(value: T | null | undefined, mode: ModeId, how: string): T {
  if (value) return value;
  throw new QuantbenchError('MODE_NOT_QUANTIZED', `${mode} was not calibrated: the session's quantize mode does not include ${how}`, `Quantize with --mode ${how} or both.`);
}
