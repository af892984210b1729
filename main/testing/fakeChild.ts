/** An engine process that serves the fake engine: for tests of the supervisor. */
import { serveEngine } from '../engine-host/host.ts';
import { fakeEngine } from './fakeEngine.ts';

serveEngine(fakeEngine({ batchMs: 15 }));
