/** The engine's functions, each loaded when it is first called: a process that inspects a file loads neither the GPU's bindings nor the quantizers. */
import type { EngineApi } from '../../engine/workflow/api.ts';

export const lazyEngine: EngineApi = {
  devices: async () => (await import('../../engine/workflow/devices.ts')).devices(),
  inspect: async (path) => (await import('../../engine/workflow/inspect.ts')).inspect(path),
  graph: async (request) => (await import('../../engine/workflow/graphs.ts')).graph(request),
  describeData: async (...args) => (await import('../../engine/workflow/dataSteps.ts')).describeData(...args),
  previewData: async (...args) => (await import('../../engine/workflow/dataSteps.ts')).previewData(...args),
  qconfigCode: async (spec) => (await import('../../engine/workflow/workflow.ts')).qconfigCode(spec),
  calibrate: async (...args) => (await import('../../engine/workflow/calibrate.ts')).calibrate(...args),
  convert: async (...args) => (await import('../../engine/workflow/convert.ts')).convert(...args),
  compare: async (...args) => (await import('../../engine/workflow/compare.ts')).compare(...args),
  run: async (...args) => (await import('../../engine/workflow/run.ts')).run(...args),
  profile: async (...args) => (await import('../../engine/workflow/run.ts')).profile(...args),
  exportModel: async (...args) => (await import('../../engine/workflow/exportModel.ts')).exportModel(...args),
};
