import { toRowMajor } from '../../../kernels/layout.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { checkFinite, minMaxOf, restoreRange, saveRange, type Observer, type ObserverArgs, type ObserverState } from './observer.ts';

/** Running smallest and largest value: torch.ao.quantization.MinMaxObserver. */
export class MinMaxObserver implements Observer {
  readonly className: string = 'MinMaxObserver';
  readonly needs = 'min-max';
  readonly args: ObserverArgs;
  name = '';
  min: number[] = [Infinity];
  max: number[] = [-Infinity];

  /** Throws OBSERVER_BAD_RANGE for reduceRange with symmetric quint8, where PyTorch raises NotImplementedError. */
  constructor(args: ObserverArgs) {
    if (args.reduceRange && args.dtype === 'quint8' && args.qscheme === 'per_tensor_symmetric') {
      throw new QuantbenchError('OBSERVER_BAD_RANGE', 'Cannot reduce range for symmetric quantization for quint8',
        'Use an affine qscheme, dtype qint8, or the full range.');
    }
    this.args = args;
  }

  observe(t: HostTensor): void {
    const data = toRowMajor(t);
    if (data.length > 0) this.observeMinMax(...minMaxOf(data));
  }

  observeMinMax(min: number, max: number): void {
    checkFinite(this, min, max);
    this.min = [Math.min(this.min[0]!, min)];
    this.max = [Math.max(this.max[0]!, max)];
  }

  calculateQParams(): ObservedQParams { return calculateQParams(this.min, this.max, this.args); }
  saveState(): ObserverState { return saveRange(this.min, this.max); }
  restoreState(state: ObserverState): void { ({ min: this.min, max: this.max } = restoreRange(this, state)); }
}
