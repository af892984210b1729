/**
 * Runs the models of ../shared/fixtures in float32 and compares them with what PyTorch computed: torchvision's zoo, models of other authors (wild),
 * modules of one idea each (patterns), traced and scripted.
 *
 *   node bench/zoo.ts [--device cpu|gpu] [--mode eager,scripted] [--set zoo,wild,patterns] [--form traced,scripted] [--only resnet18,mha]
 *     [--fixtures FOLDER]
 *
 * Prints one line a case with the largest difference relative to the largest output, and exits 1 if one is above 1e-3. Skeletons are filled into a
 * temporary folder, one at a time.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readNpy, readNpz } from '../engine/formats/npy/index.ts';
import { deviceFor } from '../engine/workflow/devices.ts';
import { hashFill, readInputs } from '../engine/workflow/inputs.ts';
import { openModel, type OpenModel } from '../engine/workflow/models.ts';
import { modeSource } from '../engine/workflow/modes.ts';
import type { NamedOutput } from '../engine/workflow/runner.ts';
import type { DeviceChoice, Mode } from '../engine/workflow/types.ts';
import { toQuantbenchError } from '../kernels/errors.ts';
import { hostTensor, toRowMajor } from '../kernels/layout.ts';
import { numel, type HostTensor } from '../kernels/tensor.ts';

const LIMIT = 1e-3;
const SETS = ['zoo', 'wild', 'patterns'] as const;
const FORMS = ['traced', 'scripted'] as const;
const MODES = ['eager', 'scripted'] as const;

const { values: options } = parseArgs({ options: {
  device: { type: 'string', default: 'cpu' }, mode: { type: 'string', default: MODES.join() }, set: { type: 'string', default: SETS.join() },
  form: { type: 'string', default: FORMS.join() }, only: { type: 'string' },
  fixtures: { type: 'string', default: join(import.meta.dirname, '../../shared/fixtures') },
} });

const { fixtures } = options;
if (!existsSync(fixtures)) {
  console.log(`${fixtures} is not there: there is nothing to compare with`);
  process.exit(0);
}

interface Entry { readonly input?: number[]; readonly inputs?: number[][] }
interface Case {
  readonly set: string;
  readonly name: string;
  readonly form: string;
  /** The model, or the skeleton that it is filled from. */
  readonly file: string;
  inputs(model: OpenModel): Promise<HostTensor[]>;
  expected(): Promise<HostTensor[]>;
}

const index = (set: string): Record<string, Entry> => JSON.parse(readFileSync(join(fixtures, set, 'index.json'), 'utf8')) as Record<string, Entry>;
const filled = (shape: readonly number[], seed: number, lo: number, hi: number): HostTensor => hostTensor('float32', shape, hashFill(seed, numel(shape), lo, hi));

/** The ways in which the three folders keep inputs and outputs: see their README. */
function casesOf(set: string): Case[] {
  const folder = join(fixtures, set);
  const inFolder = (file: string): string => join(folder, file);
  return Object.entries(index(set)).flatMap(([name, entry]) => FORMS.flatMap((form): Case[] => {
    const file = [`${name}.${form}.pt`, `${name}.${form}.pt.skel`].map(inFolder).find((f) => existsSync(f));
    if (!file) return [];
    const saved = inFolder(`${name}.in.npz`);
    const inputs = (model: OpenModel): Promise<HostTensor[]> => {
      if (existsSync(saved)) return readInputs(saved, model);
      if (entry.input) return Promise.resolve([filled(entry.input, 1000, -2, 2)]);
      return Promise.resolve((entry.inputs ?? []).map((shape, i) => filled(shape, 1 + i, -1.5, 2)));
    };
    const expected = async (): Promise<HostTensor[]> =>
      (set === 'patterns' ? [...(await readNpz(inFolder(`${name}.fp32.npz`))).values()] : [readNpy(inFolder(`${name}.out.npy`))]);
    return [{ set, name, form, file, inputs, expected }];
  }));
}

const temporary = mkdtempSync(join(tmpdir(), 'quantbench-zoo-'));
const { hydrate } = await import(pathToFileURL(join(fixtures, 'hydrate.mjs')).href) as { hydrate: (skeleton: Buffer) => Buffer };

/** Runs `use` with the path of the full model; one that was made for it is removed afterwards. */
async function withModel<T>(c: Case, use: (path: string) => Promise<T>): Promise<T> {
  if (!c.file.endsWith('.skel')) return use(c.file);
  const path = join(temporary, `${c.set}.${c.name}.${c.form}.pt`);
  writeFileSync(path, hydrate(readFileSync(c.file)));
  try {
    return await use(path);
  } finally {
    rmSync(path);
  }
}

/** The largest difference over the largest expected value; infinite where counts, shapes or NaN disagree. */
function relativeDifference(got: readonly NamedOutput[], want: readonly HostTensor[]): number {
  // Segmentation models return a dict of several maps; what was kept is `out`.
  const chosen = want.length === 1 ? [got.find((o) => o.name === 'out') ?? got[0]] : got;
  if (chosen.length !== want.length) return Infinity;
  return Math.max(...want.map((w, i) => {
    const g = chosen[i]?.tensor;
    if (g?.meta.shape.join() !== w.meta.shape.join()) return Infinity;
    const [a, b] = [toRowMajor(g), toRowMajor(w)];
    let largest = 0;
    let difference = 0;
    for (let k = 0; k < b.length; k++) {
      if (Number.isNaN(a[k]) !== Number.isNaN(b[k])) return Infinity;
      if (a[k] === b[k] || Number.isNaN(b[k])) continue;
      difference = Math.max(difference, Math.abs(a[k]! - b[k]!));
    }
    for (const v of b) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
    return difference === 0 ? 0 : difference / largest;
  }));
}

const wanted = (name: string): boolean => !options.only || options.only.split(',').includes(name);
const device = await deviceFor(options.device as DeviceChoice);
let within = 0;
let total = 0;
for (const set of options.set.split(',')) {
  for (const c of casesOf(set).filter((each) => wanted(each.name) && options.form.split(',').includes(each.form))) {
    await withModel(c, async (path) => {
      for (const mode of options.mode.split(',')) {
        total++;
        const start = performance.now();
        let text: string;
        let ok = false;
        try {
          const model = await openModel(path);
          const runner = (await modeSource(model, {})).runner(`fp32-${mode as Mode}`, device);
          const difference = relativeDifference(await runner.run(await c.inputs(model)), await c.expected());
          runner.destroy();
          ok = difference <= LIMIT;
          text = difference.toExponential(1);
        } catch (thrown) {
          const e = toQuantbenchError(thrown);
          text = `${e.code}: ${e.message}`;
        }
        if (ok) within++;
        console.log(`${ok ? 'ok  ' : 'FAIL'} ${set} ${c.name}.${c.form} ${mode}: ${text} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      }
    });
  }
}
rmSync(temporary, { recursive: true });
device.destroy();
console.log(`${within} of ${total} within ${LIMIT} on ${options.device}`);
process.exit(within === total && total > 0 ? 0 : 1);
