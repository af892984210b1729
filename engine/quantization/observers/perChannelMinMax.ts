import { QuantbenchError } from '../../../kernels/errors.ts';
import { describeMeta, type HostTensor } from '../../../kernels/tensor.ts';
import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { checkFinite, minMaxPerChannel, needsData, restoreRange, saveRange, type Observer, type ObserverArgs, type ObserverState } from './observer.ts';

/** Running smallest and largest value of each channel: torch.ao.quantization.PerChannelMinMaxObserver. */
export class PerChannelMinMaxObserver implements Observer {
  readonly className: string = 'PerChannelMinMaxObserver';
  readonly needs = 'data';
  readonly args: ObserverArgs;
  name = '';
  min: number[] = [];
  max: number[] = [];

  constructor(args: ObserverArgs) { this.args = args; }

  observe(t: HostTensor): void {
    const now = minMaxPerChannel(t, this.args.chAxis ?? 0);
    if (t.meta.shape.some((d) => d === 0)) return;
    now.min.forEach((lo, i) => { checkFinite(this, lo, now.max[i]!); });
    if (this.min.length > 0 && this.min.length !== now.min.length) {
      throw new QuantbenchError('OBSERVER_SHAPE_CHANGED',
        `${this.className} at ${this.name} saw ${this.min.length} channels before, and now ${describeMeta(t.meta)} with ${now.min.length}`,
        'A per-channel observer needs the same number of channels in every batch.');
    }
    this.update([...now.min], [...now.max]);
  }

  /** Takes in a batch's range of each channel. */
  protected update(min: number[], max: number[]): void {
    if (this.min.length === 0) [this.min, this.max] = [min, max];
    else {
      this.min = this.min.map((v, i) => Math.min(v, min[i]!));
      this.max = this.max.map((v, i) => Math.max(v, max[i]!));
    }
  }

  observeMinMax(): void { needsData(this); }
  calculateQParams(): ObservedQParams {
    return this.min.length === 0 ? { scale: [1], zeroPoint: [0] } : calculateQParams(this.min, this.max, this.args);
  }
  saveState(): ObserverState { return saveRange(this.min, this.max); }
  restoreState(state: ObserverState): void { ({ min: this.min, max: this.max } = restoreRange(this, state)); }
}
