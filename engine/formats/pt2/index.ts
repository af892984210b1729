import { QuantbenchError } from '../../../kernels/errors.ts';
import type { InputDescription, OpenedModel } from '../format.ts';
import { openArchive } from '../zip/openArchive.ts';
import type { ZipFile } from '../zip/zipFile.ts';
import { damaged } from './errors.ts';
import { MAX_JSON_BYTES, parseJson } from './json.ts';
import { addMethods } from './lower.ts';
import { ModuleTree } from './modules.ts';
import { readProgram, type ExportedProgram } from './program.ts';
import { dtypeName } from './scalarTypes.ts';
import { Weights } from './weights.ts';

/** The schema of torch/_export/serde/schema.py that is read; minor versions only add. */
const SCHEMA_MAJOR = 8;
const SAVE_HINT = 'Save the model with torch.export.save(torch.export.export(model, example), path) of PyTorch 2.9 or later.';

/**
 * Opens what torch.export.save wrote: reads the directory and the program's JSON; reads no tensor, runs nothing. The flat program becomes a tree of modules
 * again, each with the forward that its nodes make up (see regions.ts).
 * Throws PT2_NOT_FOUND, PT2_NOT_AN_ARCHIVE, PT2_OLD_FORMAT, PT2_COMPILED, PT2_VERSION, PT2_MISSING_WEIGHT, PT2_UNSUPPORTED, PT2_TOO_LARGE,
 * PT2_DAMAGED or ZIP_*.
 */
export async function openPt2(path: string): Promise<OpenedModel> {
  const zip = await openArchive(path, 'PT2_NOT_FOUND', (what) => new QuantbenchError('PT2_NOT_AN_ARCHIVE', `${path} is not a torch.export archive: ${what}`, SAVE_HINT));
  try {
    const { root, model, others } = findModel(zip);
    const member = `${root}models/${model}.json`;
    const program = readProgram(parseJson(zip.read(member, MAX_JSON_BYTES), `${path}, ${member}`));
    if (program.schemaMajor > SCHEMA_MAJOR) {
      throw new QuantbenchError('PT2_VERSION', `${path} has version ${program.schemaMajor} of torch.export's schema, ${SCHEMA_MAJOR} is read here`, 'Export the model with an older PyTorch, or update Quantbench.');
    }
    const tree = new ModuleTree(program, new Weights(zip, root, model), path);
    addMethods(program, tree, path);
    const warnings = others.length === 0 ? [] : [`The archive holds ${others.length + 1} models; ${model} is opened, not ${others.join(', ')}.`];
    return {
      path, module: tree.root, format: 'torch.export', fileBytes: zip.fileBytes, warnings: [...warnings, ...warningsOf(program)],
      inputs: inputsOf(program), close: () => { zip.close(); },
    };
  } catch (e) {
    zip.close();
    throw e;
  }
}

/** The folder that holds the archive's members, and the model to open: `model` or the first. */
function findModel(zip: ZipFile): { root: string; model: string; others: string[] } {
  const names = [...zip.entries.keys()];
  const found = names.flatMap((n) => {
    const m = /^((?:[^/]+\/)?)models\/([^/]+)\.json$/.exec(n);
    return m ? [{ root: m[1]!, model: m[2]! }] : [];
  });
  const chosen = found.find((f) => f.model === 'model') ?? found[0];
  if (chosen) {
    if (found.some((f) => f.root !== chosen.root)) throw damaged(zip.path, 'its models lie in several folders');
    return { ...chosen, others: found.filter((f) => f !== chosen).map((f) => f.model) };
  }
  if (names.some((n) => /(^|\/)serialized_exported_program\.json$/.test(n))) {
    throw new QuantbenchError('PT2_OLD_FORMAT', `${zip.path} was saved by PyTorch 2.7 or older, whose weights are a pickle`, SAVE_HINT);
  }
  if (names.some((n) => n.includes('data/aotinductor/'))) {
    throw new QuantbenchError('PT2_COMPILED', `${zip.path} holds a compiled library of AOTInductor, not a program`, SAVE_HINT);
  }
  throw new QuantbenchError('PT2_NOT_AN_ARCHIVE', `${zip.path} is a zip without models/*.json, so no torch.export archive`, SAVE_HINT);
}

/** Dropout and batch norm that were exported while training. */
function warningsOf(program: ExportedProgram): string[] {
  const training = program.graph.nodes.filter((n) => /aten\.(batch_norm|dropout|feature_dropout|instance_norm)\./.test(n.target)
    && n.inputs.some((i) => (i.name === 'training' || i.name === 'train') && i.arg.kind === 'constant' && i.arg.value === true));
  if (training.length === 0) return [];
  return [`The model was exported in training mode (${training.slice(0, 3).map((n) => n.name).join(', ')}${training.length > 3 ? ` and ${training.length - 3} more` : ''}): call model.eval() before torch.export.`];
}

function inputsOf(program: ExportedProgram): InputDescription[] {
  return program.inputs.flatMap((spec) => {
    if (spec.kind !== 'user' || spec.arg.kind !== 'name') return [];
    const meta = program.inputMetas.get(spec.arg.name);
    return [{ name: spec.arg.name, shape: meta?.sizes ?? null, dtype: meta ? dtypeName(meta.dtype) : spec.arg.type.kind }];
  });
}
