// Prints `adapter: NAME` for the WebGPU adapter that Dawn finds, or nothing of the kind; Dawn itself may complain at length.
// Run by Node 24 as a process of its own: a broken driver may crash it.
import { create } from 'webgpu';

const gpu = create(process.platform === 'linux' ? ['backend=vulkan'] : []);
const adapter = (await gpu.requestAdapter()) ?? (await gpu.requestAdapter({ forceFallbackAdapter: true }));
if (adapter) console.log(`adapter: ${adapter.info.description || adapter.info.device || 'GPU'}`);
// Dawn keeps the process alive.
process.exit(0);
