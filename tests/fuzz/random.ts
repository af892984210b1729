/** A stream of numbers that follows from a seed and an index alone, so that any input can be made again on any machine (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number, index: number) { this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0; }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let h = this.#state;
    h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    return (h ^ (h >>> 15)) >>> 0;
  }

  /** A whole number in [0, n). */
  below(n: number): number { return Math.floor((this.#next() / 2 ** 32) * n); }
  /** A whole number in [low, high]. */
  int(low: number, high: number): number { return low + this.below(high - low + 1); }
  pick<T>(of: readonly T[]): T { return of[this.below(of.length)]!; }
  /** True once in `n`. */
  oneIn(n: number): boolean { return this.below(n) === 0; }
}
