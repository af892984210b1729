/** The engine process: plain Node, forked by supervisor.ts. Nothing else may run in it. */
import { serveEngine } from './host.ts';
import { engine } from '../../engine/workflow/workflow.ts';

serveEngine(engine);
