import type { Stmt } from '../ast.ts';

/** Copying what follows an `if` into its branches may double the code each time; real functions stay far below. */
const MAX_STATEMENTS = 20_000;

/**
 * Rewrites a body so that every `return` is the last statement of its block: what follows an `if` that may return moves into its branches. PyTorch
 * does the same when it makes a graph, so saved code has no early returns; other writers' code may. Returns null where a loop returns.
 */
export function withoutEarlyReturns(body: readonly Stmt[]): readonly Stmt[] | null {
  const budget = { left: body.length + MAX_STATEMENTS };
  return rewrite(body, budget);
}

function rewrite(body: readonly Stmt[], budget: { left: number }): readonly Stmt[] | null {
  const out: Stmt[] = [];
  for (const [i, s] of body.entries()) {
    if (--budget.left < 0) return null;
    if (s.kind === 'return' || s.kind === 'raise') return [...out, s];
    if ((s.kind === 'for' || s.kind === 'while') && mayReturn(s.body)) return null;
    if (s.kind === 'if' && mayReturn([s])) {
      const rest = body.slice(i + 1);
      const then = rewrite([...s.then, ...(alwaysLeaves(s.then) ? [] : rest)], budget);
      const otherwise = rewrite([...s.otherwise, ...(alwaysLeaves(s.otherwise) ? [] : rest)], budget);
      if (!then || !otherwise) return null;
      return [...out, { ...s, then, otherwise }];
    }
    out.push(s);
  }
  return out;
}

function mayReturn(body: readonly Stmt[]): boolean {
  return body.some((s) => s.kind === 'return' || (s.kind === 'if' && (mayReturn(s.then) || mayReturn(s.otherwise))) || ((s.kind === 'for' || s.kind === 'while') && mayReturn(s.body)));
}

function alwaysLeaves(body: readonly Stmt[]): boolean {
  return body.some((s) => s.kind === 'return' || s.kind === 'raise' || (s.kind === 'if' && alwaysLeaves(s.then) && alwaysLeaves(s.otherwise)));
}
