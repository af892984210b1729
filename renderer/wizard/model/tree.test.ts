import { describe, expect, it } from 'vitest';
import { fakeModel } from '../../testing/fakeModel.ts';
import { closedAtFirst, leafPaths, visibleRows } from './tree.ts';

describe('module tree', () => {
  const { modules } = fakeModel('m.pt');
  it('shows what is open', () => {
    expect(visibleRows(modules, new Set(['stem', 'layer1', 'layer2'])).map((r) => r.name)).toEqual(['(model)', 'stem', 'layer1', 'layer2', 'fc']);
    expect(visibleRows(modules, new Set()).find((r) => r.node.path === 'stem.0')).toMatchObject({ depth: 2, parent: 'stem', name: '0' });
    expect(closedAtFirst(modules)).toEqual([]);
  });
  it('lists leaves', () => {
    expect(leafPaths(modules).at(-1)?.path).toBe('fc');
    expect(leafPaths({ path: '', type: '', parameters: 0, children: [] })).toEqual([]);
  });
});
