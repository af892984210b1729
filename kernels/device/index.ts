import { QuantbenchError } from '../errors.ts';
import { listAdapters, whyNoAdapter } from './adapters.ts';
import { CpuDevice } from './cpu.ts';
import type { Device, DeviceInfo } from './device.ts';
import { GpuDevice } from './gpu.ts';

export type { Device, DeviceInfo, DispatchRecord, Plan, PlanSlot, PlanSpec, PlanStep, Storage, Tensor } from './device.ts';
export { CpuDevice } from './cpu.ts';
export { GpuDevice } from './gpu.ts';

/** Every device that can be opened here: adapters, hardware first, then `cpu`, which is always there. */
export async function listDevices(): Promise<DeviceInfo[]> {
  return [...(await listAdapters()).map((a) => a.info), new CpuDevice().info];
}

/**
 * Opens a device. `auto` takes a hardware adapter, else `cpu` (a software GPU is slower than both); `gpu` takes any adapter, software ones too.
 * @throws QuantbenchError DEVICE_UNAVAILABLE for `gpu` where no adapter is
 */
export async function openDevice(choice: 'auto' | 'cpu' | 'gpu'): Promise<Device> {
  if (choice === 'cpu') return new CpuDevice();
  const adapters = await listAdapters();
  const adapter = choice === 'auto' ? adapters.find((a) => !a.info.software) : adapters[0];
  if (!adapter) {
    if (choice === 'auto') return new CpuDevice();
    throw new QuantbenchError('DEVICE_UNAVAILABLE', `no GPU adapter was found (${whyNoAdapter()})`,
      'Install a Vulkan driver (software ones too: mesa-vulkan-drivers 25 or newer), or use --device cpu.');
  }
  return new GpuDevice(adapter, await adapter.open());
}
