/** What the window knows: the connection, the engine, the open session, the running job, and where a person is. Pages read it and call its verbs. */
import type {
  Api, AppInfo, CalibrationProgress, DeviceSummary, DirectoryEntry, EngineHealth, ErrorEnvelope, JobInfo, SampleInfo, Session, SessionListItem, StepId,
} from '../../main/contract/api.ts';
import type { Connection, ConnectionHandlers, ConnectionState } from '../transport/connect.ts';
import { toEnvelope } from '../transport/errors.ts';
import { DEFAULT_QCONFIG } from '../wizard/qconfig/choices.ts';
import { Drafts } from './drafts.svelte.ts';
import { formatRoute, parseRoute, type PageId } from './routes.ts';
import { resumeStep } from './steps.ts';
import type { Theme } from './theme.svelte.ts';

const SESSION_KEY = 'quantbench.session';
export type OpenDialog = 'palette' | 'open-model' | 'cancel-job' | null;

export class AppState {
  connection = $state<ConnectionState>('connecting');
  info = $state.raw<AppInfo | null>(null);
  health = $state.raw<EngineHealth | null>(null);
  devices = $state.raw<DeviceSummary[]>([]);
  sessions = $state.raw<SessionListItem[] | null>(null);
  recent = $state.raw<string[]>([]);
  session = $state.raw<Session | null>(null);
  /** The job that runs now, or the last one. */
  job = $state.raw<JobInfo | null>(null);
  /** What the observers of the last calibration job showed last: not every progress event carries them. */
  live = $state.raw<{ jobId: string; progress: CalibrationProgress } | null>(null);
  page = $state<PageId>('home');
  step = $state<StepId>('model');
  dialog = $state<OpenDialog>(null);
  error = $state.raw<ErrorEnvelope | null>(null);
  /** What a person waits for, in words; empty where nothing is under way. */
  busy = $state('');
  readonly drafts = new Drafts();
  readonly theme: Theme;
  readonly api: Api;
  readonly #connection: Connection;
  #reopened = false;

  constructor(connect: (handlers: ConnectionHandlers) => Connection, theme: Theme) {
    this.theme = theme;
    this.#readRoute();
    addEventListener('hashchange', () => this.#readRoute());
    this.#connection = connect({
      connectionChanged: (connection) => {
        this.connection = connection;
        if (connection === 'open') void this.#refresh();
      },
      sessionChanged: (session) => {
        if (session.id === this.session?.id) this.session = session;
      },
      jobChanged: (job) => this.#jobChanged(job),
      engineChanged: (health) => (this.health = health),
    });
    this.api = this.#connection.api;
  }

  /** The job that is under way, whichever session it belongs to. */
  get running(): JobInfo | null {
    return this.job && (this.job.state === 'running' || this.job.state === 'cancelling') ? this.job : null;
  }

  go(page: PageId, step?: StepId): void {
    this.page = page;
    if (step) this.step = step;
    const hash = formatRoute(this.page, this.step);
    if (location.hash !== hash) location.hash = hash;
  }

  /** Runs a call and shows its error instead of throwing it. `what` is shown while it runs. */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    this.busy = what;
    this.error = null;
    try {
      return await work();
    } catch (thrown) {
      this.error = toEnvelope(thrown);
      return null;
    } finally {
      this.busy = '';
    }
  }

  /** Opens a sample with its data and the default QConfig: the next click is Calibrate. */
  async openSample(sample: SampleInfo): Promise<void> {
    await this.attempt(`Opening ${sample.title}`, async () => {
      const { id } = await this.api.createSession(sample.modelPath);
      await this.api.setData(id, sample.data, sample.evaluation);
      this.#show(await this.api.setQConfig(id, DEFAULT_QCONFIG, 'both'));
      this.go('wizard', 'calibrate');
    });
  }

  /** Opens a model file into a new session. */
  async openModel(path: string): Promise<void> {
    await this.attempt(`Opening ${path}`, async () => {
      this.#show(await this.api.createSession(path));
      this.go('wizard', 'model');
    });
  }

  async uploadModel(file: File): Promise<void> {
    const path = await this.attempt(`Sending ${file.name}`, () => this.#connection.upload(file));
    if (path) await this.openModel(path);
  }

  async openSession(id: string): Promise<void> {
    await this.attempt('Opening the session', async () => {
      this.#show(await this.api.openSession(id));
      this.go('wizard', resumeStep(this.session));
    });
  }

  async deleteSession(id: string): Promise<void> {
    await this.attempt('Deleting the session', async () => {
      await this.api.deleteSession(id);
      if (this.session?.id === id) {
        this.session = null;
        localStorage.removeItem(SESSION_KEY);
      }
      await this.loadLists();
    });
  }

  async renameSession(id: string, name: string): Promise<void> {
    await this.attempt('Renaming the session', async () => {
      const session = await this.api.renameSession(id, name);
      if (this.session?.id === id) this.session = session;
      await this.loadLists();
    });
  }

  /** Changes the open session by a call that answers with it. */
  async change(what: string, call: (id: string) => Promise<Session>): Promise<boolean> {
    const id = this.session?.id;
    if (!id) return false;
    const session = await this.attempt(what, () => call(id));
    if (session) this.session = session;
    return session !== null;
  }

  /** Starts a long step; progress and the end come as events. */
  async start(what: string, call: (id: string) => Promise<JobInfo>): Promise<void> {
    const id = this.session?.id;
    if (!id) return;
    const job = await this.attempt(what, () => call(id));
    // An event may have come before the answer: it knows more.
    if (job && this.job?.id !== job.id) this.job = job;
  }

  async cancel(): Promise<void> {
    const job = this.running;
    if (job) await this.attempt('Cancelling', () => this.api.cancelJob(job.id));
  }

  async loadLists(): Promise<void> {
    const [sessions, recent] = await Promise.all([this.api.listSessions(), this.api.recentFiles()]);
    this.sessions = sessions;
    this.recent = recent;
  }

  /** Loads the lists again without a word; an error shows. */
  async refreshLists(): Promise<void> {
    await this.loadLists().catch((thrown: unknown) => (this.error = toEnvelope(thrown)));
  }

  listDirectory(path: string, extensions?: string[]): Promise<{ path: string; parent: string | null; entries: DirectoryEntry[] }> {
    return this.api.listDirectory(path, extensions);
  }

  async #refresh(): Promise<void> {
    try {
      [this.info, this.health] = await Promise.all([this.api.appInfo(), this.api.engineHealth()]);
      const kept = this.session?.id ?? (this.#reopened ? null : localStorage.getItem(SESSION_KEY));
      this.#reopened = true;
      if (kept) this.session = await this.api.openSession(kept).catch(() => null);
      if (this.session?.job) this.job = this.session.job;
      await this.loadLists();
      this.devices = await this.api.devices();
    } catch (thrown) {
      this.error = toEnvelope(thrown);
    }
  }

  #show(session: Session): void {
    this.session = session;
    this.drafts.clear();
    localStorage.setItem(SESSION_KEY, session.id);
    void this.refreshLists();
  }

  #jobChanged(job: JobInfo): void {
    this.job = job;
    if (job.progress.calibration) this.live = { jobId: job.id, progress: job.progress.calibration };
    if (job.state === 'running' || job.state === 'cancelling') return;
    if (this.dialog === 'cancel-job') this.dialog = null;
    // A failed step shows its error on its own page; elsewhere the banner says it.
    if (job.state === 'failed' && job.error && !(this.page === 'wizard' && this.session?.id === job.sessionId)) this.error = job.error;
  }

  #readRoute(): void {
    const route = parseRoute(location.hash);
    this.page = route.page;
    if (route.step) this.step = route.step;
  }
}
