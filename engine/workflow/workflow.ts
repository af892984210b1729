/** The one API that every shell calls: EngineApi, one file a function. */
import { qconfigToPython } from '../quantization/qconfig.ts';
import type { EngineApi } from './api.ts';
import { calibrate } from './calibrate.ts';
import { compare } from './compare.ts';
import { convert } from './convert.ts';
import { describeData, previewData } from './dataSteps.ts';
import { devices } from './devices.ts';
import { exportModel } from './exportModel.ts';
import { graph } from './graphs.ts';
import { inspect } from './inspect.ts';
import { profile, run } from './run.ts';
import type { QConfigSpec } from './types.ts';

/** EngineApi.qconfigCode: what a person would type in Python. */
function qconfigCode(spec: QConfigSpec): Promise<string> {
  return Promise.resolve(qconfigToPython(spec));
}

export { calibrate, compare, convert, describeData, devices, exportModel, graph, inspect, previewData, profile, qconfigCode, run };

/** The compiler's word that this module is an EngineApi. */
export const engine: EngineApi = { calibrate, compare, convert, describeData, devices, exportModel, graph, inspect, previewData, profile, qconfigCode, run };
