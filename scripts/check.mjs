// `npm run check`: types, in TypeScript and in Svelte.
import { typeChecks } from './setup/checks.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { runStages } from './setup/stages.mjs';

const node = await ensureDependencies();
process.exitCode = await runStages([{ name: 'types', commands: typeChecks(node) }], process.env);
