import type { Command } from 'commander';
import type { ModelSummary, ModuleNode } from '../../contract/api.ts';
import { bytes, print, printJson, shapeText, table } from '../output.ts';
import { jsonOption } from '../parse.ts';

export default function inspect(program: Command): void {
  program
    .command('inspect')
    .description('show the inputs, modules, ops, parameters and unsupported ops of a model')
    .argument('<MODEL>', 'a TorchScript, torch.export or ONNX file')
    .addOption(jsonOption())
    .action(async (path: string, options: { json?: boolean }) => {
      // Reading a file runs nothing and needs no GPU, so it needs no process of its own either: this way the answer comes twice as fast.
      const { lazyEngine } = await import('../../engine-host/lazyEngine.ts');
      const { resolve } = await import('node:path');
      const model = await lazyEngine.inspect(resolve(path));
      if (options.json) printJson(model);
      else print(describe(model));
    });
}

function describe(model: ModelSummary): string {
  const sections = [
    `${model.name}: ${model.format}, ${bytes(model.fileBytes)}${model.quantized ? ', already int8' : ''}\n` +
      `${model.parameters.toLocaleString('en')} parameters (${bytes(model.parameterBytes)}), buffers ${bytes(model.bufferBytes)}`,
    `Inputs\n${table([{ head: 'name' }, { head: 'type' }, { head: 'shape' }, { head: 'dtype' }], model.inputs.map((i) => [i.name, i.type, shapeText(i.shape), i.dtype]))}`,
    `Outputs\n${model.outputs.join(', ')}`,
    `Modules\n${tree(model.modules)}`,
    `Ops\n${table([{ head: 'op' }, { head: 'count', right: true }], model.ops.map((o) => [o.op, String(o.count)]))}`,
    model.unsupported.length === 0
      ? 'Unsupported ops\nnone'
      : `Unsupported ops\n${table([{ head: 'op' }, { head: 'count', right: true }, { head: 'modules' }], model.unsupported.map((u) => [u.op, String(u.count), u.modules.join(', ')]))}`,
  ];
  if (model.warnings.length > 0) sections.push(`Warnings\n${model.warnings.join('\n')}`);
  return sections.join('\n\n');
}

function tree(root: ModuleNode): string {
  const lines: string[] = [];
  const walk = (node: ModuleNode, depth: number): void => {
    const name = node.path === '' ? '(model)' : (node.path.split('.').pop() ?? node.path);
    lines.push(`${'  '.repeat(depth)}${name}: ${node.type.split('.').pop() ?? node.type}${node.parameters > 0 ? `  ${node.parameters.toLocaleString('en')}` : ''}`);
    for (const child of node.children) walk(child, depth + 1);
  };
  walk(root, 0);
  return lines.join('\n');
}
