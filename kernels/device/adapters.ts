import { QuantbenchError } from '../errors.ts';
import type { KernelCaps } from '../op.ts';
import type { DeviceInfo } from './device.ts';

/** Software renderers by the names that Mesa, SwiftShader and Windows give them. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|microsoft basic render|software/i;

/** Features that kernels or the profiler use where an adapter has them. */
const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups', 'subgroup-size-control', 'chromium-experimental-subgroup-matrix'] as const;

/** Limits that are raised to what the adapter gives. */
const WANTED_LIMITS = [
  'maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Toggles of Dawn; why each is named. */
const DAWN_ON = [
  'allow_unsafe_apis', // subgroup matrices and unquantized timestamps are behind it
  'vulkan_enable_f16_on_nvidia',
];
const DAWN_OFF = [
  'timestamp_quantization', // else GPU times come in steps of 65.5 us
  'lazy_clear_resource_on_first_use', // every kernel writes all of its output
];

/** An adapter that could be opened. */
export interface AdapterHandle {
  readonly info: DeviceInfo;
  open(): Promise<GPUDevice>;
}

/** Dawn frees everything when its instance is collected: it lives as long as the process. */
let instance: GPU | null | undefined;
let missing = '';

async function gpuInstance(): Promise<GPU | null> {
  if (process.env['QUANTBENCH_GPU'] === 'off') {
    missing = 'QUANTBENCH_GPU=off';
    return null;
  }
  if (instance !== undefined) return instance;
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const backend = process.platform === 'linux' ? ['backend=vulkan'] : [];
    instance = create([...backend, `enable-dawn-features=${DAWN_ON.join(',')}`, `disable-dawn-features=${DAWN_OFF.join(',')}`]);
  } catch (e) {
    missing = e instanceof Error ? e.message : String(e);
    instance = null;
  }
  return instance;
}

/** Why there is no adapter, for messages; empty where there is one. */
export function whyNoAdapter(): string {
  return missing;
}

/** Adapters that this machine gives, hardware ones first. Never throws: a machine without any has an empty list. */
export async function listAdapters(): Promise<AdapterHandle[]> {
  const gpu = await gpuInstance();
  if (!gpu) return [];
  const found = new Map<string, AdapterHandle>();
  const options: GPURequestAdapterOptions[] = [{ powerPreference: 'high-performance' }, { powerPreference: 'low-power' }, { forceFallbackAdapter: true }];
  for (const option of options) {
    const adapter = await gpu.requestAdapter(option).catch(() => null);
    if (!adapter) continue;
    const handle = describeAdapter(gpu, adapter, option);
    if (!found.has(handle.info.name)) found.set(handle.info.name, handle);
  }
  if (found.size === 0) missing = 'Dawn found no Vulkan, Metal or D3D12 adapter';
  return [...found.values()].sort((a, b) => Number(a.info.software) - Number(b.info.software));
}

function describeAdapter(gpu: GPU, adapter: GPUAdapter, option: GPURequestAdapterOptions): AdapterHandle {
  const features = [...adapter.features].sort();
  const dot4 = gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
  const subgroupMatrixI8 = hasI8Matrices(adapter);
  const caps: KernelCaps = {
    dot4,
    f16: adapter.features.has('shader-f16'),
    subgroups: adapter.features.has('subgroups'),
    subgroupMatrixI8,
    maxWorkgroupSize: adapter.limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: adapter.limits.maxComputeWorkgroupStorageSize,
    maxBindingBytes: adapter.limits.maxStorageBufferBindingSize,
  };
  const info: DeviceInfo = {
    kind: 'gpu',
    name: adapterName(adapter.info),
    backend: backendName(),
    software: adapter.info.isFallbackAdapter || SOFTWARE.test(`${adapter.info.description} ${adapter.info.device} ${adapter.info.architecture}`),
    vendor: adapter.info.vendor,
    driver: adapter.info.description,
    features,
    limits: Object.fromEntries(WANTED_LIMITS.map((l) => [l, adapter.limits[l]])),
    int8Paths: [...(subgroupMatrixI8 ? ['subgroup-matrix-i8'] : []), ...(dot4 ? ['dot4I8Packed'] : []), 'unpacked'],
    caps,
  };
  return {
    info,
    async open() {
      // An adapter gives one device: ask anew, so that a second open (after a loss, in a test) works.
      const fresh = await gpu.requestAdapter(option);
      if (!fresh) throw new QuantbenchError('DEVICE_UNAVAILABLE', `the adapter ${info.name} is gone`, 'Choose another device; `quantbench devices` lists them.');
      return fresh.requestDevice({
        label: 'quantbench',
        requiredFeatures: WANTED_FEATURES.filter((f) => fresh.features.has(f)) as GPUFeatureName[],
        requiredLimits: Object.fromEntries(WANTED_LIMITS.map((l) => [l, fresh.limits[l]])),
      });
    },
  };
}

/**
 * A name to read. Drivers give a slug as the device (`nvidia-h100-80gb-hbm3`, `llvmpipe-llvm-15-0-6-256-bits-`), and `DRIVER: version` as the description.
 */
function adapterName(info: GPUAdapterInfo): string {
  const slug = (info.device || info.architecture).replace(/-+$/, '');
  if (!/[a-z]{3}/i.test(slug)) return info.description.split(':')[0]!.trim() || 'GPU';
  const software = SOFTWARE.exec(slug)?.[0];
  if (software) return software;
  return slug.split('-').map((word) => (/\d/.test(word) || word.length <= 3 || word === 'nvidia' ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1))).join(' ');
}

function backendName(): string {
  switch (process.platform) {
    case 'darwin': return 'Metal';
    case 'win32': return 'D3D12';
    default: return 'Vulkan';
  }
}

/** Subgroup matrices with i8 inputs, from Dawn's extension of the adapter info. */
function hasI8Matrices(adapter: GPUAdapter): boolean {
  if (!(adapter.features as ReadonlySet<string>).has('chromium-experimental-subgroup-matrix')) return false;
  const configs = (adapter.info as { subgroupMatrixConfigs?: Iterable<{ componentType?: string }> }).subgroupMatrixConfigs;
  return [...(configs ?? [])].some((c) => c.componentType === 'i8');
}
