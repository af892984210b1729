import type { PackedParams } from '../ir/constant.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';

/** What `repr` may say of one module: its class and the text in its parentheses. */
export interface ModuleLine { readonly className: string; readonly extra: string }

/** A module tree printed as Python's `print(module)` does: one line a leaf, children indented by two. */
export function moduleRepr(module: ModuleObject, line: (path: string, module: ModuleObject) => ModuleLine, path = ''): string {
  const { className, extra } = line(path, module);
  const children = module.children();
  if (children.length === 0) return `${className}(${extra})`;
  const body = children.map(([name, child]) => {
    const text = moduleRepr(child, line, path ? `${path}.${name}` : name);
    return `(${name}): ${text}`.split('\n').map((l) => `  ${l}`).join('\n');
  });
  return `${className}(\n${body.join('\n')}\n)`;
}

/** The last part of a class's qualified name. */
export function shortName(module: ModuleObject): string {
  return demangle(module.type.name).split('.').at(-1) ?? module.type.name;
}

/** A Python tuple: `(2, 2)`, `(3,)`. */
const tuple = (v: readonly number[]): string => (v.length === 1 ? `(${v[0]},)` : `(${v.join(', ')})`);

/** A Python float: the shortest text that reads back, with `.0` for whole numbers and e-notation below 1e-4. */
export function pythonFloat(v: number): string {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? 'nan' : v > 0 ? 'inf' : '-inf';
  if (v !== 0 && (Math.abs(v) < 1e-4 || Math.abs(v) >= 1e16)) return v.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(v) ? `${v}.0` : String(v);
}

/** `extra_repr` of torch.ao.nn.quantized's Conv and Linear. */
export function packedExtra(p: PackedParams, scale: number, zeroPoint: number): string {
  const [out, inPerGroup, ...kernel] = p.weight.shape as [number, number, ...number[]];
  const q = `scale=${pythonFloat(scale)}, zero_point=${zeroPoint}`;
  if (p.op === 'Linear') {
    const scheme = p.weight.host().meta.q?.scheme ?? 'per_tensor_affine';
    return `in_features=${inPerGroup}, out_features=${out}, ${q}, qscheme=torch.${scheme}`;
  }
  const parts = [`${inPerGroup * p.groups}, ${out}, kernel_size=${tuple(kernel)}, stride=${tuple(p.stride)}, ${q}`];
  if (p.padding.some((v) => v !== 0)) parts.push(`padding=${tuple(p.padding)}`);
  if (p.dilation.some((v) => v !== 1)) parts.push(`dilation=${tuple(p.dilation)}`);
  if (p.groups !== 1) parts.push(`groups=${p.groups}`);
  if (p.bias === null) parts.push('bias=False');
  return parts.join(', ');
}
