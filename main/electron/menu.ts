import { app, type BrowserWindow, dialog, Menu, type MenuItemConstructorOptions } from 'electron';

/** The menu. What the page has a key for is done through that key, so that menu, keyboard and browser shell share one way. */
export function buildMenu(window: () => BrowserWindow | null): Menu {
  const press = (keyCode: string) => () => {
    const contents = window()?.webContents;
    const modifiers: ('meta' | 'control')[] = [process.platform === 'darwin' ? 'meta' : 'control'];
    contents?.sendInputEvent({ type: 'keyDown', keyCode, modifiers });
    contents?.sendInputEvent({ type: 'keyUp', keyCode, modifiers });
  };
  const go = (hash: string) => () => void window()?.webContents.executeJavaScript(`location.hash = ${JSON.stringify(hash)}; undefined`);
  // The page listens to these keys itself: the menu shows them without taking them.
  const key = (label: string, keyCode: string): MenuItemConstructorOptions => ({
    label,
    accelerator: `CmdOrCtrl+${keyCode}`,
    registerAccelerator: false,
    click: press(keyCode),
  });
  const about = () =>
    void dialog.showMessageBox({
      title: 'Quantbench',
      message: `Quantbench ${app.getVersion()}`,
      detail: `Post-training static quantization of PyTorch models on GPUs.\nElectron ${process.versions['electron']}, Chromium ${process.versions['chrome']}`,
    });

  return Menu.buildFromTemplate([
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    {
      label: 'File',
      submenu: [key('Open Model...', 'O'), { label: 'Samples', click: go('#/home') }, { type: 'separator' }, { role: 'quit' }],
    },
    { role: 'editMenu' },
    {
      label: 'View',
      submenu: [
        key('Commands...', 'K'),
        { type: 'separator' },
        { role: 'reload' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' as const }]),
      ],
    },
    { role: 'help', submenu: [{ label: 'About Quantbench', click: about }] },
  ]);
}
