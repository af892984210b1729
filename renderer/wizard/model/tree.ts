/** A module tree as the flat list of what is visible. Pure. */
import type { ModuleNode } from '../../../main/contract/api.ts';

export interface TreeRow { node: ModuleNode; depth: number; name: string; open: boolean; parent: string | null }

/** Rows in order of depth-first walk; children of closed nodes are left out. The root has depth 0. */
export function visibleRows(root: ModuleNode, closed: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (node: ModuleNode, depth: number, parent: string | null): void => {
    const open = node.children.length > 0 && !closed.has(node.path);
    rows.push({ node, depth, name: node.path.split('.').at(-1) || '(model)', open, parent });
    if (open) for (const child of node.children) walk(child, depth + 1, node.path);
  };
  walk(root, 0, null);
  return rows;
}

/** Paths of all modules without children, in order. */
export function leafPaths(root: ModuleNode): { path: string; type: string }[] {
  if (root.children.length === 0) return root.path === '' ? [] : [{ path: root.path, type: root.type }];
  return root.children.flatMap(leafPaths);
}

/** Paths that start closed: everything two levels down in a large tree, nothing in a small one. */
export function closedAtFirst(root: ModuleNode): string[] {
  const all = visibleRows(root, new Set());
  return all.length <= 60 ? [] : all.filter((r) => r.depth >= 2 && r.node.children.length > 0).map((r) => r.node.path);
}
