/** MODEL|SESSION: what a path given on the command line is. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CalibrationState } from '../../engine/workflow/api.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { App } from '../app/app.ts';
import type { Session } from '../contract/api.ts';
import { isSessionDirectory } from '../sessions/store.ts';

export type Target = { kind: 'model'; modelPath: string } | { kind: 'session'; modelPath: string; session: Session };

/** @throws {QuantbenchError} FILE_NOT_FOUND, SESSION_NOT_FOUND, SESSION_CORRUPT, STEP_NOT_READY */
export async function openTarget(app: App, path: string): Promise<Target> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return { kind: 'model', modelPath: resolve(path) };
  if (!info) throw new QuantbenchError('FILE_NOT_FOUND', `There is no file or folder ${path}.`, 'Check the path.');
  const session = await openSession(app, path);
  if (!session.model) throw new QuantbenchError('STEP_NOT_READY', `The session ${path} has no model.`, 'Run quantize with this --session first.');
  return { kind: 'session', modelPath: session.model.path, session };
}

/** @throws {QuantbenchError} SESSION_NOT_FOUND, SESSION_CORRUPT */
export async function openSession(app: App, path: string): Promise<Session> {
  if (!(await isSessionDirectory(path))) {
    throw new QuantbenchError('SESSION_NOT_FOUND', `${path} holds no session: there is no session.json in it.`, 'Give the folder that quantize --session made.');
  }
  return app.openSessionDirectory(path);
}

/** What int8 needs of a session. @throws {QuantbenchError} STEP_NOT_READY */
export async function int8Of(app: App, target: Target): Promise<{ calibration: CalibrationState; qconfig: NonNullable<Session['qconfig']>['spec'] }> {
  if (target.kind === 'model') throw new QuantbenchError('NOT_A_SESSION', `${target.modelPath} is a model: int8 needs its calibration.`, 'Run quantize, then give the session instead of the model.');
  const { qconfig } = target.session;
  const calibration = await app.calibrationState(target.session.id);
  if (!qconfig) throw new QuantbenchError('STEP_NOT_READY', 'The session has no QConfig.', 'Run quantize with this --session.');
  return { calibration, qconfig: qconfig.spec };
}
