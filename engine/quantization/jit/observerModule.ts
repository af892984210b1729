import { Graph } from '../../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../../ir/module.ts';
import { T } from '../../ir/types.ts';
import { makeObserver, type ObserverFactory } from '../qconfig.ts';
import type { ObservationQueue } from '../observation.ts';
import type { Observer } from '../observers/observer.ts';

/** The op that shows a tensor to an observer and gives it back. */
export const OBSERVE = 'quantbench::observe';

/** An observer as a child of a module: `prim::CallMethod[name="forward"](%_observer_0, %x)`, as PyTorch prints it. */
export class ObserverModule extends ModuleObject {
  readonly factory: ObserverFactory;
  /** Whether it watches a weight: then one look is enough. */
  readonly isWeight: boolean;
  readonly observer: Observer;
  /** What the module's own graph calls the value that is watched: its name there, or its number. */
  readonly valueName: string;
  /** Where the running program leaves what it shows; set by whoever runs it. Null: nothing is observed. */
  queue: ObservationQueue | null = null;

  constructor(factory: ObserverFactory, isWeight: boolean, valueName: string) {
    super(observerType(factory.className));
    this.factory = factory;
    this.isWeight = isWeight;
    this.valueName = valueName;
    this.observer = makeObserver(factory, '');
  }
}

const types = new Map<string, ModuleType>();

/** `__torch__.torch.ao.quantization.observer.MinMaxObserver`, whose forward is one quantbench::observe. */
export function observerType(className: string): ModuleType {
  let type = types.get(className);
  if (!type) types.set(className, type = makeType(className));
  return type;
}

function makeType(className: string): ModuleType {
  const name = `__torch__.torch.ao.quantization.observer.${className}`;
  const graph = new Graph('forward');
  const self = graph.block.addInput(T.cls(name), 'self');
  const x = graph.block.addInput(T.tensor, 'x');
  const observe = graph.block.append(graph.create(OBSERVE, [x, self], [T.tensor]));
  graph.block.addOutput(observe.output);
  return {
    name, attributeTypes: new Map(), parameters: [], buffers: [], constants: new Map(),
    methodNames: () => ['forward'],
    method: () => graph,
  };
}
