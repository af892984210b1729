import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { hostTensor } from '../../kernels/layout.ts';
import { numel } from '../../kernels/tensor.ts';
import { TensorData } from '../ir/constant.ts';
import { DeviceConstants } from '../runtime/deviceConstants.ts';
import { repoPath } from '../runtime/testing/models.ts';
import { inspect } from './inspect.ts';

const folder = mkdtempSync(join(tmpdir(), 'lazy-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
afterEach(() => { vi.restoreAllMocks(); });

test.each([
  'samples/digits/digit_resnet.traced.pt', 'samples/digits/digit_resnet.scripted.pt', 'samples/digits/digit_mobilenet.scripted.pt',
  'tests/fixtures/pt2/digit_resnet.pt2', 'tests/fixtures/onnx/digit_resnet.onnx',
])('inspect of %s reads no weight', async (file) => {
  // A file of its own: models stay open between calls.
  const path = join(folder, basename(file));
  copyFileSync(repoPath(file), path);
  const read: number[] = [];
  const host = Object.getOwnPropertyDescriptor(TensorData.prototype, 'host')!.value as TensorData['host'];
  vi.spyOn(TensorData.prototype, 'host').mockImplementation(function (this: TensorData) {
    read.push(numel(this.shape));
    return host.call(this);
  });
  const summary = await inspect(path);
  expect(summary.parameters).toBeGreaterThan(50_000);
  // Shapes and axes that ONNX keeps as tensors have a few elements.
  expect(Math.max(0, ...read)).toBeLessThan(16);
});

test('a large tensor of a file lies on the device alone; small ones and those without a file stay', () => {
  const device = new CpuDevice();
  const constants = DeviceConstants.of(device);
  let reads = 0;
  const tensor = (count: number): TensorData => new TensorData('float32', [count], () => {
    reads++;
    return hostTensor('float32', [count], new Float32Array(count).fill(reads));
  });
  const large = tensor(1 << 16);
  const used = device.memory().used;
  expect(constants.upload(large).host).toBeNull();
  expect(constants.upload(large).tensor.storage.bytes).toBe(4 << 16);
  expect([reads, device.memory().used - used]).toEqual([1, 4 << 16]);
  expect(large.host().data[0]).toBe(2);
  expect(constants.upload(tensor(8)).host?.data[0]).toBe(3);
  const given = TensorData.of(hostTensor('float32', [1 << 16], new Float32Array(1 << 16).fill(7)));
  expect(constants.upload(given).tensor.storage.bytes).toBe(4 << 16);
  expect(given.evict()).toBe(false);
  expect(given.host().data[0]).toBe(7);
});
