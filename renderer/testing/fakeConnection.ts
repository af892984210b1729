/** A connection to nothing: it answers as main would, from fakeModel.ts, in a few hundred milliseconds a job. For component tests and screenshots only. */
import { STEP_IDS, type Api, type DataPreviewItem, type DataSpec, type DataSummary, type ErrorEnvelope, type JobInfo, type Session, type StepId } from '../../main/contract/api.ts';
import type { Connection, ConnectionHandlers } from '../transport/connect.ts';
import { CPU, fakeComparison, fakeConversion, fakeGraph, fakeModel, fakeObservers, GPU } from './fakeModel.ts';

const SAMPLE: DataSpec = { path: '/samples/digits/digits.calib.images.npy', preprocess: { mean: [0.1307], std: [0.3081] }, batch: 32 };
const EVALUATION: DataSpec = { ...SAMPLE, path: '/samples/digits/digits.test.images.npy', labels: '/samples/digits/digits.test.labels.npy' };
const TICK_MS = 60;
const fail = (code: string, message: string, hint: string): ErrorEnvelope => ({ code, message, hint, details: {} });

export function fakeConnection(handlers: ConnectionHandlers): Connection {
  const sessions = new Map<string, Session>();
  let jobs = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  const need = (id: string): Session => {
    const session = sessions.get(id);
    if (!session) throw fail('SESSION_NOT_FOUND', `There is no session ${id}.`, 'Open another one.');
    return session;
  };
  const change = (id: string, part: Partial<Session>, done: StepId | null): Session => {
    const before = need(id);
    const steps = { ...before.steps };
    if (done) {
      for (const later of STEP_IDS.slice(STEP_IDS.indexOf(done) + 1)) if (steps[later].state === 'done') steps[later] = { state: 'stale', note: `${done} changed since`, error: null };
      steps[done] = { state: 'done', note: '', error: null };
    }
    const session = { ...before, steps, changedAt: new Date().toISOString(), ...part };
    sessions.set(id, session);
    handlers.sessionChanged(session);
    return session;
  };
  const summary = (spec: DataSpec): DataSummary => {
    if (spec.path.includes('missing')) throw fail('FILE_NOT_FOUND', `There is no file ${spec.path}.`, 'Check the path.');
    const samples = Math.min(spec.limit ?? Infinity, spec.labels ? 2000 : 256);
    return { path: spec.path, kind: 'npy', samples, inputShape: [spec.batch, 1, 28, 28], dtype: 'uint8', labels: spec.labels ? { count: samples, classes: 10 } : null, warnings: [] };
  };

  function run(id: string, step: StepId, title: string, from: number, total: number, by: number, end: (done: number) => Partial<Session>): JobInfo {
    const started = Date.now();
    let done = from;
    const job = (state: JobInfo['state']): JobInfo => {
      const elapsedMs = Date.now() - started;
      const remainingMs = done > from ? (elapsedMs / (done - from)) * (total - done) : 0;
      const observers = step === 'calibrate' ? { calibration: { done, total, elapsedMs, remainingMs, observers: fakeObservers(done / total) } } : {};
      return { id: String(jobs), sessionId: id, step, title, state, error: null, progress: { stage: step, done, total, elapsedMs, remainingMs, message: '', ...observers } };
    };
    jobs++;
    change(id, { steps: { ...need(id).steps, [step]: { state: 'running', note: '', error: null } } }, null);
    cancelled = false;
    timer = setInterval(() => {
      if (cancelled) {
        clearInterval(timer);
        change(id, { ...(step === 'calibrate' ? { calibrationResumeAt: done } : {}), steps: { ...need(id).steps, [step]: { state: 'todo', note: '', error: null } } }, null);
        return handlers.jobChanged(job('cancelled'));
      }
      done = Math.min(total, done + by);
      if (done < total) return handlers.jobChanged(job('running'));
      clearInterval(timer);
      change(id, end(done), step);
      handlers.jobChanged(job('done'));
    }, TICK_MS);
    const first = job('running');
    handlers.jobChanged(first);
    return first;
  }
  let cancelled = false;

  const api: Api = {
    appInfo: async () => ({
      version: '0.1.0', shell: 'browser', platform: 'linux', nativeDialogs: false, homeDirectory: '/home/ada',
      samples: [{ id: 'digit_resnet', title: 'digit_resnet', description: 'Convolutions with batch norm, residual adds and a global pool. 98.9% on MNIST in fp32.', modelPath: '/samples/digits/digit_resnet.traced.pt', data: SAMPLE, evaluation: EVALUATION }],
    }),
    devices: async () => [GPU, CPU],
    engineHealth: async () => ({ state: 'ready', message: '', restarts: 0, rssBytes: 312e6, device: GPU }),
    restartEngine: async () => undefined,
    listDirectory: async (path) => ({
      path, parent: path === '/' ? null : '/', entries: [
        { name: 'models', path: '/models', kind: 'directory', bytes: 0, modifiedAt: '' }, { name: 'digit_vit.traced.pt', path: '/models/digit_vit.traced.pt', kind: 'file', bytes: 1_204_000, modifiedAt: '' },
        { name: 'broken.pt', path: '/models/broken.pt', kind: 'file', bytes: 12, modifiedAt: '' },
      ],
    }),
    recentFiles: async () => ['/samples/digits/digit_resnet.traced.pt', '/models/digit_vit.traced.pt'],
    listSessions: async () => [...sessions.values()].map((s) => ({
      id: s.id, name: s.name, changedAt: s.changedAt, modelName: s.model?.name ?? '', stepsDone: STEP_IDS.filter((x) => s.steps[x].state === 'done').length, directory: s.directory, error: null,
    })),
    createSession: async (path) => {
      if (path.includes('broken')) throw fail('ARCHIVE_TRUNCATED', `${path} ends after 12 bytes; a zip directory was expected.`, 'Save the model again with torch.jit.save.');
      const id = `s${sessions.size + 1}`;
      sessions.set(id, {
        id, name: `digit_resnet ${sessions.size + 1}`, createdAt: new Date().toISOString(), changedAt: new Date().toISOString(), directory: `/home/ada/.quantbench/sessions/${id}`,
        steps: Object.fromEntries(STEP_IDS.map((s) => [s, { state: s === 'model' ? 'done' : 'todo', note: '', error: null }])) as Session['steps'], device: 'auto', mode: 'both', model: fakeModel(path), data: null,
        qconfig: null, calibration: null, calibrationResumeAt: 0, conversion: null, comparison: null,
        exports: [], job: null, storage: { saved: true, error: null },
      });
      return need(id);
    },
    openSession: async (id) => need(id),
    renameSession: async (id, name) => change(id, { name }, null),
    deleteSession: async (id) => void sessions.delete(id),
    setModel: async (id, path) => change(id, { model: fakeModel(path) }, 'model'),
    setData: async (id, calibration, evaluation) => change(id, { data: { calibration, calibrationSummary: summary(calibration), evaluation, evaluationSummary: evaluation && summary(evaluation) } }, 'data'),
    previewData: async (_, spec, count) => (summary(spec), Array.from({ length: count }, (__, index) => thumbnail(index))),
    setQConfig: async (id, spec, mode) => change(id, {
      mode, qconfig: {
        spec, code: `torch.ao.quantization.QConfig(\n    activation=MinMaxObserver.with_args(qscheme=torch.per_tensor_${spec.qscheme}, dtype=torch.${spec.dtype}, reduce_range=${spec.reduceRange ? 'True' : 'False'}),\n    weight=${spec.weight === 'per-channel' ? 'default_per_channel_weight_observer' : 'default_weight_observer'})`,
      },
    }, 'qconfig'),
    setDevice: async (id, device) => change(id, { device }, null),
    startCalibrate: async (id, options) => run(id, 'calibrate', 'Calibrating', options?.restart ? 0 : need(id).calibrationResumeAt, 256, 8, () => ({ calibrationResumeAt: 0, calibration: { samples: 256, batches: 8, elapsedMs: 1900, observers: fakeObservers(1), warnings: [] } })),
    startConvert: async (id) => run(id, 'convert', 'Converting', 0, 10, 4, () => ({ conversion: fakeConversion() })),
    startCompare: async (id) => run(id, 'compare', 'Comparing', 0, 10, 2, () => ({ comparison: fakeComparison() })),
    cancelJob: async () => void (cancelled = true),
    graph: async (_, stage, diff) => (diff ? `--- ${stage}\n+++ ${diff}\n@@ -1,3 +1,2 @@\n graph(%x : Tensor):\n-  %1 : Tensor = aten::conv2d(%x)\n-  %2 : Tensor = aten::relu(%1)\n+  %1 : Tensor = quantbench::conv2d_relu(%x)\n` : '') || fakeGraph(fakeComparison().timings[stage === 'converted' || stage === 'optimized' ? 'int8-scripted' : 'fp32-eager']),
    exportReport: async (id, format) => {
      const file = { path: `${need(id).directory}/report.${format}`, bytes: 412_000 };
      change(id, { exports: [...need(id).exports, { ...file, format, at: new Date().toISOString() }] }, 'export');
      return file;
    },
    exportModel: async (id, format) => {
      const file = { path: `${need(id).directory}/model.int8.${format === 'onnx' ? 'onnx' : 'pt'}`, bytes: 171_000 };
      change(id, { exports: [...need(id).exports, { ...file, format: `int8 ${format}`, at: new Date().toISOString() }] }, 'export');
      return file;
    },
    commandLine: async (id) => `npx quantbench quantize ${need(id).model?.path ?? ''} --calib ${SAMPLE.path} --mean 0.1307 --std 0.3081 --eval ${EVALUATION.path} --labels ${EVALUATION.labels ?? ''} --qscheme ${need(id).qconfig?.spec.qscheme ?? ''} --mode both`,
  };
  setTimeout(() => handlers.connectionChanged('open'));
  return { api, upload: async (file) => `/uploads/${file.name}`, close: () => clearInterval(timer) };
}

function thumbnail(index: number): DataPreviewItem {
  const pixels = Array.from({ length: 784 }, (_, i) => {
    const [x, y] = [(i % 28) - 14, Math.floor(i / 28) - 14];
    return Math.abs(Math.hypot(x, y * (0.6 + index * 0.05)) - 7) < 2 ? 240 : 8;
  });
  return { index, width: 28, height: 28, channels: 1, pixels, label: null, min: -0.424, max: 2.82, mean: 0.031 };
}
