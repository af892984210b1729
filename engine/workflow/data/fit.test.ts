import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hostTensor } from '../../../kernels/layout.ts';
import { numel, type DType } from '../../../kernels/tensor.ts';
import { writeNpy, writeNpz } from '../../formats/npy/index.ts';
import { archiveMembers, moduleSource, Scratch } from '../../formats/torchscript/testing.ts';
import { repoPath } from '../../runtime/testing/models.ts';
import { describeData, previewData } from '../dataSteps.ts';
import type { DataSpec } from '../types.ts';
import { checkFit } from './fit.ts';

const folder = mkdtempSync(join(tmpdir(), 'fit-'));
const scratch = new Scratch();
afterAll(() => {
  rmSync(folder, { recursive: true });
  scratch.remove();
});
const array = (dtype: DType, ...shape: number[]) => hostTensor(dtype, shape, new Float32Array(numel(shape)));
const npy = (dtype: DType, ...shape: number[]): DataSpec => {
  const path = join(folder, `${dtype}-${shape.join('x')}.npy`);
  writeNpy(path, array(dtype, ...shape));
  return { path, batch: 4, preprocess: {} };
};
const digits = repoPath('samples/digits/digit_resnet.traced.pt');
const misfit = (message: string, hint = '') => ({ code: 'DATA_DOES_NOT_FIT', message: expect.stringContaining(message), hint: expect.stringContaining(hint) });

test('data that a convolution cannot take is refused when it is described, with both shapes and what to do', async () => {
  await expect(describeData(digits, npy('float32', 8, 1, 28, 28))).resolves.toMatchObject({ inputShape: [4, 1, 28, 28] });
  await expect(describeData(digits, npy('float32', 8, 3, 28, 28))).rejects.toMatchObject(misfit('gives [N, 3, 28, 28] of float32, the model\'s input x takes [N, 1, H, W]', '[N, 1, H, W]'));
  await expect(describeData(digits, npy('float32', 8, 28, 28))).rejects.toMatchObject(misfit('gives [N, 28, 28]'));
  await expect(describeData(digits, { path: repoPath('samples/digits-png'), batch: 4, preprocess: { channels: 3 } })).rejects.toMatchObject(misfit('[N, 3, 28, 28]', '--channels 1'));
  await expect(previewData(digits, npy('float32', 8, 3, 28, 28), 2)).resolves.toHaveLength(2);
});

test('a linear layer tells the last size, and more arrays than inputs are too many', async () => {
  const fc = scratch.archive(archiveMembers(moduleSource('return torch.linear(x, self.weight)')));
  await expect(describeData(fc, npy('float32', 8, 5, 2))).resolves.toMatchObject({ inputShape: [4, 5, 2] });
  await expect(describeData(fc, npy('float32', 8, 5))).rejects.toMatchObject(misfit('takes [N, ..., 2]'));
  const path = join(folder, 'two.npz');
  writeNpz(path, new Map([['a', array('float32', 4, 2)], ['b', array('float32', 4, 2)]]));
  await expect(describeData(fc, { path, batch: 2, preprocess: {} })).rejects.toMatchObject(misfit('holds 2 arrays, the model takes 1 inputs: x'));
});

test('indices must be integers, and sizes that a file states are kept', () => {
  const ids = { name: 'ids', shape: [null, 16], last: null, integer: true };
  const source = { path: 'x.npy', kind: 'npy' as const };
  const meta = (dtype: DType, ...shape: number[]) => array(dtype, ...shape).meta;
  expect(() => { checkFit([meta('int64', 9, 16)], [ids], source); }).not.toThrow();
  expect(() => { checkFit([meta('float32', 9, 16)], [ids], source); }).toThrow(/integers of \[N, 16\]/);
  const image = { name: 'x', shape: [1, 3, 224, 224], last: null, integer: false };
  expect(() => { checkFit([meta('float32', 9, 3, 224, 224)], [image], source); }).not.toThrow();
  expect(() => { checkFit([meta('float32', 9, 3, 32, 32)], [image], { path: 'pictures', kind: 'folder' }); })
    .toThrow(expect.objectContaining({ hint: expect.stringContaining('--resize 224 --crop 224') }));
  expect(() => { checkFit([meta('float32', 9, 1, 224, 224)], [image], source); }).toThrow(expect.objectContaining({ hint: expect.stringContaining('numpy.repeat') }));
});
