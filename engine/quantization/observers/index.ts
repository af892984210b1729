import { EntropyObserver } from './entropy.ts';
import { HistogramObserver } from './histogram.ts';
import { MinMaxObserver } from './minMax.ts';
import { MovingAverageMinMaxObserver } from './movingAverageMinMax.ts';
import { MovingAveragePerChannelMinMaxObserver } from './movingAveragePerChannelMinMax.ts';
import type { Observer, ObserverArgs } from './observer.ts';
import { PercentileObserver } from './percentile.ts';
import { PerChannelMinMaxObserver } from './perChannelMinMax.ts';

/** Every observer by its class name. A new one is a file and a line here. */
export const OBSERVERS = {
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  PerChannelMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  HistogramObserver,
  PercentileObserver,
  EntropyObserver,
} as const satisfies Record<string, new (args: ObserverArgs) => Observer>;

export type ObserverName = keyof typeof OBSERVERS;

/** A fresh observer. */
export function createObserver(className: ObserverName, args: ObserverArgs): Observer {
  return new OBSERVERS[className](args);
}

export type { Observer, ObserverArgs, ObserverState } from './observer.ts';
