import { movingAverage } from './movingAverageMinMax.ts';
import { PerChannelMinMaxObserver } from './perChannelMinMax.ts';

/** Moving average of each channel's range: torch.ao.quantization.MovingAveragePerChannelMinMaxObserver. */
export class MovingAveragePerChannelMinMaxObserver extends PerChannelMinMaxObserver {
  override readonly className = 'MovingAveragePerChannelMinMaxObserver';

  protected override update(min: number[], max: number[]): void {
    if (this.min.length === 0) {
      super.update(min, max);
      return;
    }
    const c = this.args.averagingConstant ?? 0.01;
    this.min = this.min.map((v, i) => movingAverage(v, min[i]!, c));
    this.max = this.max.map((v, i) => movingAverage(v, max[i]!, c));
  }
}
