import type { Device, DispatchRecord, Tensor } from '../../kernels/device/device.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import type { ModuleObject } from '../ir/module.ts';
import { withDefaults } from './attributes.ts';
import { EagerContext } from './eagerContext.ts';
import type { ModuleHooks } from './hooks.ts';
import { enterValue, exitValue, type HostValue } from './hostValue.ts';
import { Interpreter } from './interpreter.ts';
import { releaseAll } from './lifetimes.ts';
import type { RuntimeValue } from './value.ts';

export interface EagerOptions {
  readonly hooks?: ModuleHooks | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Method to call; default `forward`. */
  readonly method?: string;
}

/**
 * Imperative mode: runs a module's methods statement by statement, one dispatch an op. Weights go to the device with the first run and stay there.
 */
export class EagerExecutor {
  readonly module: ModuleObject;
  readonly device: Device;
  readonly context: EagerContext;
  readonly interpreter: Interpreter;

  constructor(module: ModuleObject, device: Device) {
    this.module = module;
    this.device = device;
    this.context = new EagerContext(device);
    this.interpreter = new Interpreter(this.context);
  }

  /**
   * Runs the module on values that already lie on the device.
   * @returns the result; its tensors are the caller's (releaseAll gives them back)
   */
  async forward(inputs: readonly RuntimeValue[], options: EagerOptions = {}): Promise<RuntimeValue> {
    const method = options.method ?? 'forward';
    const args = withDefaults(this.module, method, inputs, this.context);
    return this.interpreter.runMethod(this.module, method, args, { hooks: options.hooks, signal: options.signal });
  }

  /** Runs the module on host values and waits for the result in host memory. */
  async run(inputs: readonly HostValue[], options: EagerOptions = {}): Promise<HostValue> {
    return this.#withInputs(inputs, async (values) => {
      const result = await this.forward(values, options);
      try {
        const { tensors, rebuild } = exitValue(result);
        const hosts: HostTensor[] = [];
        for (const t of tensors) hosts.push(await this.context.read(t));
        return rebuild(hosts);
      } finally {
        releaseAll(result);
      }
    });
  }

  /**
   * Runs once on inputs that lie on the device, without reading the result: what a latency measurement times.
   * @returns milliseconds from the first statement to the end of the device's work
   */
  async time(inputs: readonly RuntimeValue[], options: EagerOptions = {}): Promise<number> {
    const start = performance.now();
    const result = await this.forward(inputs, options);
    await this.device.sync();
    const ms = performance.now() - start;
    releaseAll(result);
    return ms;
  }

  /** Runs once with every dispatch timed. `wholeUs` is the time of the run as the host saw it. */
  async profile(inputs: readonly RuntimeValue[], options: EagerOptions = {}): Promise<{ records: DispatchRecord[]; wholeUs: number }> {
    this.device.startProfile();
    try {
      const wholeUs = (await this.time(inputs, options)) * 1000;
      return { records: await this.device.stopProfile(), wholeUs };
    } catch (e) {
      await this.device.stopProfile();
      throw e;
    }
  }

  /** Puts host values on the device. The caller releases them (releaseAll). */
  upload(inputs: readonly HostValue[]): RuntimeValue[] {
    return inputs.map((v) => enterValue(v, (t): Tensor => this.device.upload(t)));
  }

  async #withInputs<R>(inputs: readonly HostValue[], body: (values: RuntimeValue[]) => Promise<R>): Promise<R> {
    const values = this.upload(inputs);
    try {
      return await body(values);
    } finally {
      releaseAll(values);
    }
  }

  /** Gives back what programs left on modules. */
  destroy(): void {
    this.interpreter.attributes.clear();
  }
}
