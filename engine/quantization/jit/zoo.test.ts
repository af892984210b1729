import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpy } from '../../formats/npy/index.ts';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import { readDump } from '../../ir/readDump.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { qconfigMap } from '../qconfig.ts';
import { calibrateGraph, DEFAULT_SPEC, dumpSequence, floatTensorOf, runGraph, sharedFixture, withoutChunk } from '../testing/fixtures.ts';
import { hashFill } from '../../workflow/inputs.ts';
import { convertJit } from './convertJit.ts';
import { prepareJit } from './prepareJit.ts';

interface Result { scales: number[]; zero_points: number[] }
const jsonPath = sharedFixture('zoo/int8.json');
const zoo = jsonPath === undefined ? {} : JSON.parse(readFileSync(jsonPath, 'utf8')) as Record<string, { input: number[] } & Record<string, Result>>;

const input = (seed: number, shape: number[]) => [floatTensorOf(hashFill(seed, shape.reduce((a, b) => a * b, 1), -2, 2), shape)];

/** Signal to noise in dB: power of `signal` over that of the difference. */
function sqnr(signal: ArrayLike<number>, other: ArrayLike<number>): number {
  let [power, noise] = [0, 0];
  for (let i = 0; i < signal.length; i++) {
    power += signal[i]! ** 2;
    noise += (signal[i]! - other[i]!) ** 2;
  }
  return 10 * Math.log10(power / noise);
}

/** Small models of each family; the others are like them. They come with the fixtures, without weights. */
describe.skipIf(jsonPath === undefined)('zoo models that PyTorch converted', () => {
  let folder = '';
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'zoo-')); });
  afterAll(async () => { await rm(folder, { recursive: true, force: true }); });

  async function open(name: string) {
    const { hydrate } = await import(pathToFileURL(sharedFixture('hydrate.mjs')!).href) as { hydrate: (skeleton: Buffer) => Buffer };
    const path = join(folder, `${name}.pt`);
    await writeFile(path, hydrate(readFileSync(sharedFixture(`zoo/${name}.traced.pt.skel`)!)));
    return openTorchScript(path);
  }

  for (const [name, run] of [['densenet121', true], ['googlenet', true], ['resnet50', true], ['swin_t', false], ['shufflenet_v2_x1_0', true], ['mobilenet_v2', true], ['efficientnet_b0', true],
    ['convnext_tiny', true]] as const) {
    it(`${name}: ops${run ? ', qparams and outputs' : ''}`, async () => {
      const model = await open(name);
      for (const [qconfig, weight] of [['affine_quint8_per_tensor', 'per-tensor'], ['affine_quint8_per_channel', 'per-channel']] as const) {
        const prepared = prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, weight }));
        const shape = zoo[name]!.input;
        if (run) await calibrateGraph(prepared, [1001, 1002, 1003, 1004].map((seed) => input(seed, [2, ...shape.slice(1)])));
        const converted = convertJit(prepared);
        expect(withoutChunk(converted.opSequence)).toEqual(dumpSequence(readDump(readFileSync(sharedFixture(`zoo/zoo.${name}.${qconfig}.graph.txt`)!, 'utf8'))));
        if (!run) break;
        const { scales, zero_points: zeroPoints } = zoo[name]![qconfig]!;
        const far = scales.filter((s) => !converted.scales.some((got) => Math.abs(got - s) <= 1e-3 * s));
        expect(far.length).toBeLessThanOrEqual(0.01 * scales.length);
        expect(zeroPoints.filter((z) => !converted.zeroPoints.some((got) => Math.abs(got - z) <= 1))).toEqual([]);
        const [ours] = await runGraph(converted.graph, converted.module, input(1000, shape));
        const [a, b, float] = [toRowMajor(ours!), toRowMajor(readNpy(sharedFixture(`zoo/zoo.${name}.${qconfig}.int8.npy`)!)),
          toRowMajor(readNpy(sharedFixture(`zoo/${name}.out.npy`)!))];
        expect(sqnr(b, a)).toBeGreaterThan(sqnr(float, b) + 3);
        expect(sqnr(float, a)).toBeGreaterThan(sqnr(float, b) - 1);
      }
      model.close();
    }, 120_000);
  }
});
