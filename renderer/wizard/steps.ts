/** The steps in order, each with its view. The ids and their order are the contract's. */
import type { Component } from 'svelte';
import { STEP_IDS, type StepId } from '../../main/contract/api.ts';
import type { AppState } from '../state/app.svelte.ts';
import { STEP_TITLES } from '../state/steps.ts';
import CalibrateStep from './steps/CalibrateStep.svelte';
import CompareStep from './steps/CompareStep.svelte';
import ConvertStep from './steps/ConvertStep.svelte';
import DataStep from './steps/DataStep.svelte';
import ExportStep from './steps/ExportStep.svelte';
import ModelStep from './steps/ModelStep.svelte';
import QConfigStep from './steps/QConfigStep.svelte';

const VIEWS: Record<StepId, { lead: string; view: Component<{ state: AppState }> }> = {
  model: { lead: 'The model to quantize, as torch.jit.save wrote it.', view: ModelStep },
  data: { lead: 'Samples that show the observers what values to expect, and those that accuracy is measured on.', view: DataStep },
  qconfig: { lead: 'How activations and weights become 8-bit numbers.', view: QConfigStep },
  calibrate: { lead: 'Observers record the range of every value while the samples run through the model.', view: CalibrateStep },
  convert: { lead: 'Observed values become quantized ones, and ops that belong together are fused.', view: ConvertStep },
  compare: { lead: 'The same inputs through four modes: latency, accuracy, and the time of every op.', view: CompareStep },
  export: { lead: 'A report for others, and the command that repeats it.', view: ExportStep },
};

export const WIZARD_STEPS = STEP_IDS.map((id, i) => ({ id, number: i + 1, title: STEP_TITLES[id], ...VIEWS[id] }));
