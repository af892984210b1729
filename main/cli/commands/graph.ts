import { Option, type Command } from 'commander';
import { GRAPH_STAGES, type GraphStage } from '../../../engine/workflow/types.ts';
import { print, printJson } from '../output.ts';
import { jsonOption, shape } from '../parse.ts';

interface Options { stage?: GraphStage; diff?: GraphStage; mode: 'eager' | 'scripted'; shape?: number[]; json?: boolean }

export default function graph(program: Command): void {
  program
    .command('graph')
    .description("print a stage of the model's graph as TorchScript text")
    .argument('<MODEL|SESSION>', 'a TorchScript file, or the folder of a session')
    .addOption(new Option('--stage <stage>', 'default: raw for a model, optimized for a session').choices(GRAPH_STAGES))
    .addOption(new Option('--diff <stage>', 'print what changes from --stage to this one, as a unified diff').choices(GRAPH_STAGES))
    .addOption(new Option('--mode <mode>', 'whose graph').choices(['eager', 'scripted']).default('scripted'))
    .option('--shape <dims>', 'shape of the first input that the optimized graph is made for: 1,3,224,224', shape)
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      const { withApp } = await import('../session.ts');
      const { int8Of, openTarget } = await import('../target.ts');
      const result = await withApp(async ({ app, engine }) => {
        const target = await openTarget(app, path);
        const stage = options.stage ?? (target.kind === 'session' ? 'optimized' : 'raw');
        const { diff } = options;
        const common = { modelPath: target.modelPath, stage, mode: options.mode, ...(diff ? { diff } : {}) };
        if (target.kind === 'model') return { stage, ...(diff ? { diff } : {}), text: await engine.graph({ ...common, shape: options.shape }) };
        const { session } = target;
        const needsInt8 = [stage, diff].some((s) => s === 'converted' || s === 'optimized');
        const int8 = needsInt8 ? await int8Of(app, target) : { qconfig: session.qconfig?.spec };
        const text = await engine.graph({ ...common, ...int8, shape: options.shape ?? session.data?.calibrationSummary.inputShape });
        return { stage, ...(diff ? { diff } : {}), text };
      });
      if (options.json) printJson({ model: path, ...result });
      else print(result.text || `${result.stage} and ${options.diff} are the same but for the numbers of values.`);
    });
}
