import { describe, expect, it } from 'vitest';
import type { ModuleObject } from '../ir/module.ts';
import { GraphBuilder, moduleOf } from '../passes/testing.ts';
import { prepare } from '../nn/prepare.ts';
import { prepareJit } from './jit/prepareJit.ts';
import { qconfigFromSpec, qconfigMap } from './qconfig.ts';
import { resolveQConfigMap } from './qconfigMapping.ts';
import { DEFAULT_SPEC } from './testing/fixtures.ts';

const leaf = (type: string): ModuleObject => {
  const b = new GraphBuilder(`__torch__.${type}`);
  return moduleOf({}, { forward: b.returns(b.input()) }, `__torch__.${type}`);
};
const block = (): ModuleObject => moduleOf({ attn: leaf('torch.nn.modules.linear.___torch_mangle_3.Linear'), norm: leaf('torch.nn.modules.normalization.LayerNorm') });

function model(): ModuleObject {
  const b = new GraphBuilder();
  return moduleOf({ blocks: moduleOf({ 0: block(), 1: block() }), head: leaf('torch.nn.modules.linear.Linear') }, { forward: b.returns(b.input()) });
}

const q = qconfigFromSpec(DEFAULT_SPEC);
const kept = (keys: string[]): string[] => Object.entries(resolveQConfigMap({ '': q, ...Object.fromEntries(keys.map((k) => [k, null])) }, model()))
  .filter(([, v]) => v === null).map(([k]) => k).sort();

describe('resolveQConfigMap', () => {
  it('takes exact paths, patterns and module types', () => {
    expect(kept(['blocks.0'])).toEqual(['blocks.0']);
    expect(kept(['blocks.*.attn'])).toEqual(['blocks.0.attn', 'blocks.1.attn']);
    expect(kept(['**.norm'])).toEqual(['blocks.0.norm', 'blocks.1.norm']);
    expect(kept(['blocks.?'])).toEqual(['blocks.0', 'blocks.1']);
    expect(kept(['torch.nn.Linear'])).toEqual(['blocks.0.attn', 'blocks.1.attn', 'head']);
    expect(kept(['torch.nn.modules.normalization.LayerNorm'])).toEqual(['blocks.0.norm', 'blocks.1.norm']);
  });

  it('lets the more exact key win, whatever the order', () => {
    const other = qconfigFromSpec({ ...DEFAULT_SPEC, qscheme: 'symmetric' });
    const map = resolveQConfigMap({ 'blocks.1.attn': other, 'blocks.*.attn': null, 'torch.nn.Linear': other, '': q }, model());
    expect(map).toEqual({ '': q, head: other, 'blocks.0.attn': null, 'blocks.1.attn': other });
  });

  it('refuses a QConfig that cannot be honoured, in both modes, naming the module', () => {
    const bad = { ...q, weight: { ...q.weight, args: { ...q.weight.args, dtype: 'quint8' as const } } };
    const refusal = expect.objectContaining({ code: 'QCONFIG_INVALID', message: expect.stringContaining("at 'blocks.1.attn': weights cannot be quint8") as string });
    expect(() => prepareJit(model(), { '': q, 'blocks.1.attn': bad })).toThrow(refusal);
    expect(() => prepare(model(), { '': q, 'blocks.1.attn': bad })).toThrow(refusal);
  });

  it('refuses what matches nothing, in both modes, naming it', () => {
    for (const key of ['blocks.2', 'blocks.*.mlp', 'torch.nn.Conv2d', 'torch.nn.Linea']) {
      const refusal = expect.objectContaining({ code: 'QCONFIG_NO_MODULE', message: expect.stringContaining(`'${key}'`) as string });
      const map = qconfigMap({ ...DEFAULT_SPEC, keepFloat: [key] });
      expect(() => prepareJit(model(), map), key).toThrow(refusal);
      expect(() => prepare(model(), map), key).toThrow(refusal);
    }
  });
});
