import { operators, type Operator } from '../../runtime/operator.ts';
import { OBSERVE, ObserverModule } from './observerModule.ts';

/** The op of prepared graphs: notes a tensor for an observer, in the queue that the observer's module was given, and returns it. */
export const observeOperators: readonly Operator[] = operators({
  [`${OBSERVE}(Tensor? x, Any observer) -> Tensor?`]: (ctx, a) => {
    if (a.isNone(0)) return null;
    const x = a.tensor(0);
    const module = a.any(1);
    if (!(module instanceof ObserverModule) || !module.queue) return x;
    const waiting = module.queue.observe(ctx, module.observer, x);
    return waiting ? waiting.then(() => x) : x;
  },
}, { pure: false });
