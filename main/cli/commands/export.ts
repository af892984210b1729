import { Option, type Command } from 'commander';
import type { ExportBias, ExportFormat, Precision } from '../../../engine/workflow/types.ts';
import { bytes, print, printJson } from '../output.ts';
import { jsonOption, positiveInteger } from '../parse.ts';

interface Options { format: ExportFormat; output: string; precision: Precision; opset?: number; bias: ExportBias; json?: boolean }

export default function exportModel(program: Command): void {
  program
    .command('export')
    .description("write a session's model as a file for other programs")
    .argument('<SESSION>', 'the folder of a session')
    .addOption(new Option('--format <format>', 'onnx: QDQ form, for onnxruntime, TensorRT and others; torchscript: for torch.jit.load').choices(['onnx', 'torchscript']).makeOptionMandatory())
    .requiredOption('-o, --output <file>', 'where to write it')
    .addOption(new Option('--precision <precision>', 'int8, or the fp32 model with batch norms folded').choices(['int8', 'fp32']).default('int8'))
    .option('--opset <n>', 'of ONNX: 13 to 21 (default: 17)', positiveInteger)
    .addOption(new Option('--bias <type>', 'of convolutions in ONNX; float: nearest to the numbers here; int32: fused into int8 kernels, faster').choices(['float', 'int32']).default('float'))
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      const { withApp } = await import('../session.ts');
      const { openSession } = await import('../target.ts');
      const { resolve } = await import('node:path');
      const { format, precision, opset, bias } = options;
      const written = await withApp(async ({ app, handle }) => {
        const session = await openSession(app, path);
        return app.writeModel(session.id, { format, precision, opset, bias, output: resolve(options.output) }, handle());
      });
      if (options.json) printJson(written);
      else print(`${written.path} (${bytes(written.bytes)}${written.opset === null ? '' : `, opset ${written.opset}`}${written.dynamicBatch === false ? ', for its batch size alone' : ''})`);
    });
}
