import { MinMaxObserver } from './minMax.ts';
import { checkFinite } from './observer.ts';

/**
 * Range that follows each batch's by a hundredth: torch.ao.quantization.MovingAverageMinMaxObserver,
 * `min += averaging_constant * (min_of_batch - min)`, each step in float32. The first batch sets it.
 */
export class MovingAverageMinMaxObserver extends MinMaxObserver {
  override readonly className = 'MovingAverageMinMaxObserver';

  override observeMinMax(min: number, max: number): void {
    checkFinite(this, min, max);
    if (this.min[0] === Infinity && this.max[0] === -Infinity) {
      this.min = [min];
      this.max = [max];
      return;
    }
    const c = this.args.averagingConstant ?? 0.01;
    this.min = [movingAverage(this.min[0]!, min, c)];
    this.max = [movingAverage(this.max[0]!, max, c)];
  }
}

/** One step of the average in float32. */
export function movingAverage(before: number, now: number, constant: number): number {
  return Math.fround(before + Math.fround(Math.fround(constant) * Math.fround(now - before)));
}
