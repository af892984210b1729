import { QuantbenchError } from '../../kernels/errors.ts';

/** Gathers what cannot be exported, so that all of it is reported at once. */
export class Unsupported {
  readonly #found = new Map<string, Set<string>>();

  /** @param module dotted path of the module that the op belongs to */
  add(op: string, module: string): void {
    const modules = this.#found.get(op) ?? new Set<string>();
    modules.add(module === '' ? 'the model itself' : module);
    this.#found.set(op, modules);
  }

  get empty(): boolean { return this.#found.size === 0; }

  /** Throws EXPORT_UNSUPPORTED_OP naming every op and the modules that it is in, if there is any. */
  throwIfAny(format: string, hint: string): void {
    if (this.empty) return;
    const list = [...this.#found].map(([op, modules]) => `${op} (in ${[...modules].join(', ')})`);
    throw new QuantbenchError('EXPORT_UNSUPPORTED_OP', `${format} cannot say ${list.length === 1 ? 'this' : `these ${list.length}`}: ${list.join('; ')}`, hint,
      { ops: [...this.#found].map(([op, modules]) => ({ op, modules: [...modules] })) });
  }
}
