import { QuantbenchError } from '../../kernels/errors.ts';
import { diffText, graphLineKey } from '../ir/diffText.ts';
import { printGraph } from '../ir/print.ts';
import { prepareJit } from '../quantization/jit/prepareJit.ts';
import { qconfigMap } from '../quantization/qconfig.ts';
import type { GraphRequest } from './api.ts';
import { deviceFor } from './devices.ts';
import { randomInput } from './inputs.ts';
import { openModel, type OpenModel } from './models.ts';
import { convertModel, fp32Optimized, type ConvertedModel } from './quantized.ts';
import { moduleGraphs, scriptedRunner } from './runner.ts';

/** EngineApi.graph: a stage of the model in PyTorch's textual form, or what changes from it to another stage ('' for nothing). */
export async function graph(request: GraphRequest): Promise<string> {
  const { diff, ...asked } = request;
  if (diff === undefined) return stageText(asked);
  return diffText(await stageText(asked), await stageText({ ...asked, stage: diff }), [request.stage, diff], graphLineKey);
}

async function stageText(request: GraphRequest): Promise<string> {
  const model = await openModel(request.modelPath);
  if (request.mode === 'eager') return eagerGraph(model, request);
  const { raw, inlined, frozen } = model.stages();
  switch (request.stage) {
    case 'raw': return printGraph(raw);
    case 'inlined': return printGraph(inlined);
    case 'frozen': return printGraph(frozen);
    case 'prepared': {
      if (!request.qconfig) throw notQuantized(request);
      const { module } = prepareJit(model.module, qconfigMap(request.qconfig));
      return printGraph(module.type.method('forward'));
    }
    case 'converted': return printGraph((await scripted(model, request)).converted.graph);
    case 'optimized': {
      const optimized = request.calibration ? (await scripted(model, request)).optimized : fp32Optimized(model);
      if (!request.shape) return printGraph(optimized.graph);
      // Specialised to a shape: whatever the shape decides on is decided, so a shape that the model refuses is an error here.
      const runner = scriptedRunner(optimized.graph, await deviceFor('cpu'), optimized.module);
      try {
        return await runner.graph([randomInput(request.shape, 0)]);
      } finally {
        runner.destroy();
      }
    }
  }
}

async function eagerGraph(model: OpenModel, request: GraphRequest): Promise<string> {
  if (!request.calibration || request.stage === 'raw' || request.stage === 'inlined' || request.stage === 'frozen') return moduleGraphs(model.module);
  if (!request.qconfig) throw notQuantized(request);
  const { imperative } = await convertModel(model, request.qconfig, request.calibration);
  if (!imperative) throw notQuantized(request);
  return `${imperative.repr}\n\n${moduleGraphs(imperative.wrapper)}`;
}

async function scripted(model: OpenModel, request: GraphRequest): Promise<NonNullable<ConvertedModel['scripted']>> {
  const found = request.qconfig && request.calibration ? (await convertModel(model, request.qconfig, request.calibration)).scripted : null;
  if (!found) throw notQuantized(request);
  return found;
}

function notQuantized(request: GraphRequest): QuantbenchError {
  return new QuantbenchError('GRAPH_NOT_QUANTIZED', `${request.modelPath} has no ${request.stage} graph: it was not calibrated in that mode`, 'Quantize the model first, and ask for the graph of the session.');
}

