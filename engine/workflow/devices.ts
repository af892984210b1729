import { listDevices, openDevice, type Device, type DeviceInfo } from '../../kernels/device/index.ts';
import type { DeviceChoice, DeviceSummary } from './types.ts';

/** Devices of this process by choice; one that was lost is opened anew. */
const open = new Map<DeviceChoice, Promise<Device>>();

/** The device of a choice, opened at first use. Throws DEVICE_UNAVAILABLE. */
export function deviceFor(choice: DeviceChoice): Promise<Device> {
  let device = open.get(choice);
  if (!device) {
    device = openDevice(choice);
    open.set(choice, device);
    const forget = (): void => { open.delete(choice); };
    device.then((d) => d.lost.then(forget)).catch(forget);
  }
  return device;
}

export function describeDevice(info: DeviceInfo): DeviceSummary {
  return {
    kind: info.kind, name: info.name, backend: info.backend, software: info.software, vendor: info.vendor, driver: info.driver,
    features: [...info.features], limits: { ...info.limits }, int8Paths: [...info.int8Paths],
  };
}

/** EngineApi.devices. */
export async function devices(): Promise<DeviceSummary[]> {
  return (await listDevices()).map(describeDevice);
}
