import { QuantbenchError } from '../../kernels/errors.ts';
import { isPackedParams, TensorData, type Constant } from '../ir/constant.ts';
import { ModuleObject } from '../ir/module.ts';
import { forEachStorage } from './lifetimes.ts';
import type { OpContext } from './operator.ts';
import type { RuntimeValue } from './value.ts';

/** A constant of the graph or an attribute of a module as a running program sees it: tensors lie on the context's device. */
export function toRuntime(value: Constant | undefined, ctx: OpContext): RuntimeValue {
  if (value === null || value === undefined || typeof value !== 'object') return value ?? null;
  if (value instanceof TensorData) return ctx.constant(value);
  if (value instanceof ModuleObject || isPackedParams(value)) return value;
  if (Array.isArray(value)) return (value as readonly Constant[]).map((v) => toRuntime(v, ctx));
  if (value instanceof Map) {
    const out = new Map<RuntimeValue, RuntimeValue>();
    for (const [k, v] of value as ReadonlyMap<Constant, Constant>) out.set(toRuntime(k, ctx), toRuntime(v, ctx));
    return out;
  }
  return value as RuntimeValue;
}

/** Inputs of a method with the defaults of those that are left out at the end, as a call in Python has them. */
export function withDefaults(module: ModuleObject | undefined, method: string, inputs: readonly RuntimeValue[], ctx: OpContext): RuntimeValue[] {
  const missing = (module?.type.defaults?.(method) ?? []).slice(inputs.length);
  // Where one of them must be given, the call says how many are wanted.
  return missing.includes(undefined) ? [...inputs] : [...inputs, ...missing.map((v) => toRuntime(v, ctx))];
}

/** An attribute as it is now; `owned` where prim::SetAttr gave it and the store holds a reference to its tensors. */
interface Slot { value: RuntimeValue; owned: boolean }

/**
 * Attributes of modules while programs run: read from the model when first asked for, kept in place (a list attribute keeps what was appended),
 * changed by prim::SetAttr without touching the model. One store lives as long as its executor.
 */
export class AttributeStore {
  readonly #modules = new Map<ModuleObject, Map<string, Slot>>();

  /** Throws RUNTIME_NO_ATTRIBUTE naming the module's class and the attribute. */
  get(module: ModuleObject, name: string, ctx: OpContext): RuntimeValue {
    const slots = this.#slotsOf(module);
    const known = slots.get(name);
    if (known) return known.value;
    const inType = module.type.constants.has(name);
    if (!module.attributes.has(name) && !inType) {
      throw new QuantbenchError('RUNTIME_NO_ATTRIBUTE', `${module.type.name} has no attribute ${name}`, 'Check that the model file is intact.');
    }
    const value = toRuntime(module.attributes.has(name) ? module.attributes.get(name) : module.type.constants.get(name), ctx);
    slots.set(name, { value, owned: false });
    return value;
  }

  /** Sets an attribute; tensors in it are kept until it is set again or the store is cleared. */
  set(module: ModuleObject, name: string, value: RuntimeValue): void {
    forEachStorage(value, (s) => { s.retain(); });
    const slots = this.#slotsOf(module);
    releaseSlot(slots.get(name));
    slots.set(name, { value, owned: true });
  }

  /** Forgets what programs set; the model's own values are read again. */
  clear(): void {
    for (const slots of this.#modules.values()) for (const slot of slots.values()) releaseSlot(slot);
    this.#modules.clear();
  }

  #slotsOf(module: ModuleObject): Map<string, Slot> {
    let slots = this.#modules.get(module);
    if (!slots) this.#modules.set(module, slots = new Map<string, Slot>());
    return slots;
  }
}

function releaseSlot(slot: Slot | undefined): void {
  if (slot?.owned) forEachStorage(slot.value, (s) => { s.release(); });
}
