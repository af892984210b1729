/** The engine process: plain Node, forked by supervisor.ts. Nothing else may run in it. */
import { serveEngine } from './host.ts';
import { lazyEngine } from './lazyEngine.ts';

serveEngine(lazyEngine);
