import type { ModuleObject } from '../ir/module.ts';
import type { OpContext } from './operator.ts';
import type { RuntimeValue } from './value.ts';

/** One call of a module's method, as hooks see it. */
export interface ModuleCall {
  /** Dotted path from the root; '' for the root itself. */
  readonly path: string;
  readonly module: ModuleObject;
  readonly method: string;
  /** Runs kernel ops on the device of the run. Tensors made through it live as long as the call; retain what must live longer. */
  readonly ctx: OpContext;
}

/** What the imperative side puts around module calls: observers, quantized modules, wrappers. Every hook may be async. */
export interface ModuleHooks {
  /** Sees the arguments (without self) before the call; may return others. */
  before?(call: ModuleCall, args: readonly RuntimeValue[]): RuntimeValue[] | undefined | Promise<RuntimeValue[] | undefined>;
  /** Runs instead of the method where it returns a value; undefined leaves the method to run. */
  forward?(call: ModuleCall, args: readonly RuntimeValue[]): RuntimeValue | undefined | Promise<RuntimeValue | undefined>;
  /** Sees the result; what it returns takes the result's place. Undefined keeps it. */
  after?(call: ModuleCall, result: RuntimeValue, args: readonly RuntimeValue[]): RuntimeValue | undefined | Promise<RuntimeValue | undefined>;
  /**
   * Called where an operator refuses (RUNTIME_QUANTIZED_UNSUPPORTED): returns the result of another way to run it, or rethrows.
   * `run` runs the operator on other arguments.
   */
  refused?(refusal: Refusal): RuntimeValue | Promise<RuntimeValue>;
}

/** An operator that will not take quantized tensors. */
export interface Refusal {
  readonly path: string;
  readonly kind: string;
  readonly args: readonly RuntimeValue[];
  readonly error: unknown;
  readonly ctx: OpContext;
  run(args: readonly RuntimeValue[]): RuntimeValue | Promise<RuntimeValue>;
}

/** What the executors set with Device.setScope before an op runs, and the profiler groups by. */
export interface OpScope {
  /** `aten::conv2d`. */
  readonly node: string;
  /** Name of the node's first output, without `%`; '' where it has none. */
  readonly output: string;
  /** Dotted module path. */
  readonly module: string;
  /** Counts nodes in the order in which they ran, so that several dispatches of one node are told from two nodes. */
  readonly index: number;
}
