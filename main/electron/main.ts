/** The desktop shell: one window onto the server that it starts (see serverProcess.ts for why), and nothing else. */
import { join } from 'node:path';
import { app, BrowserWindow, dialog, Menu } from 'electron';
import { guardContents, guardSession } from './guard.ts';
import { buildMenu } from './menu.ts';
import { type ServerProcess, startServer } from './serverProcess.ts';

let window: BrowserWindow | null = null;
let server: ServerProcess | null = null;

/** Where the app's files and its Node are: in the packaged app among its resources, in a checkout where `npm start` says. */
function places(): { root: string; node: string } {
  if (!app.isPackaged) return { root: app.getAppPath(), node: process.env['QUANTBENCH_NODE'] ?? '' };
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  return { root: join(process.resourcesPath, 'quantbench'), node: join(process.resourcesPath, binary) };
}

async function open(): Promise<void> {
  const { root, node } = places();
  server = await startServer(root, node);
  void server.died.then((log) => fail(new Error(`The server behind the window has ended.\n${log}`)));

  const origin = new URL(server.url).origin;
  window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 1024,
    minHeight: 700,
    title: 'Quantbench',
    show: false,
    webPreferences: {
      preload: join(__dirname, 'preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: false,
    },
  });
  guardSession(window.webContents.session, origin);
  guardContents(window.webContents, origin);
  window.once('ready-to-show', () => window?.show());
  window.on('closed', () => {
    window = null;
  });
  await window.loadURL(server.url);
}

function fail(thrown: unknown): void {
  dialog.showErrorBox('Quantbench cannot go on', thrown instanceof Error ? thrown.message : String(thrown));
  app.exit(1);
}

if (!app.requestSingleInstanceLock()) {
  app.quit();
} else {
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('window-all-closed', () => app.quit());
  app.on('quit', () => server?.stop());
  // A Ctrl-C in the terminal of `npm start` closes the window like its cross does.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => app.quit());
  Menu.setApplicationMenu(buildMenu(() => window));
  app.whenReady().then(open).catch(fail);
}
