import { FuseV1Options, FuseVersion } from '@electron/fuses';
import { MakerDeb } from '@electron-forge/maker-deb';
import { MakerDMG } from '@electron-forge/maker-dmg';
import { MakerSquirrel } from '@electron-forge/maker-squirrel';
import { MakerZIP } from '@electron-forge/maker-zip';
import { FusesPlugin } from '@electron-forge/plugin-fuses';
import { VitePlugin } from '@electron-forge/plugin-vite';
import type { ForgeConfig } from '@electron-forge/shared-types';
import { stageFolder } from './scripts/setup/stage-app.mjs';

const nodeName = process.platform === 'win32' ? 'node.exe' : 'node';

/**
 * The desktop app. Its asar holds the window alone (main/electron, built by Vite). Quantbench itself and the Node that runs it are resources beside it:
 * plain Node cannot read an asar, and native addons must be files anyway. `npm run package` lays them out before Forge starts.
 */
const config: ForgeConfig = {
  packagerConfig: {
    name: 'Quantbench',
    executableName: 'quantbench',
    appBundleId: 'org.quantbench.app',
    asar: true,
    extraResource: [`${stageFolder}/quantbench`, `${stageFolder}/${nodeName}`],
  },
  makers: [
    new MakerDeb({
      options: { bin: 'quantbench', categories: ['Development', 'Science'], section: 'science', recommends: ['mesa-vulkan-drivers'] },
    }),
    new MakerZIP({}, ['linux', 'darwin']),
    new MakerDMG({}),
    new MakerSquirrel({ name: 'quantbench', authors: 'The Quantbench authors' }),
  ],
  plugins: [
    new VitePlugin({
      // Both as 'main': the configs say all there is to say, and the preload script of the window is one CommonJS file like it.
      build: [
        { entry: 'main/electron/main.ts', config: 'main/electron/vite.main.config.ts', target: 'main' },
        { entry: 'main/electron/preload.ts', config: 'main/electron/vite.preload.config.ts', target: 'main' },
      ],
      // The window shows the server's page, which `npm run package` has built into the resources.
      renderer: [],
    }),
    new FusesPlugin({
      version: FuseVersion.V1,
      [FuseV1Options.RunAsNode]: false,
      [FuseV1Options.EnableCookieEncryption]: true,
      [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
      [FuseV1Options.EnableNodeCliInspectArguments]: false,
      [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
      [FuseV1Options.OnlyLoadAppFromAsar]: true,
      [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
    }),
  ],
};

export default config;
