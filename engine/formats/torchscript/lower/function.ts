import { removeDeadCode } from '../../../ir/effects.ts';
import { Value, type Graph } from '../../../ir/graph.ts';
import { poolConstants } from '../../../ir/poolConstants.ts';
import { T, type Type } from '../../../ir/types.ts';
import type { Expr, FunctionDef } from '../ast.ts';
import type { CodeUnit, Located } from '../unit.ts';
import { Context } from './context.ts';
import { withoutEarlyReturns } from './earlyReturns.ts';
import { RESULT, emitStatements } from './statements.ts';

/** What a caller must know of a function. */
export interface Signature {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: Type; readonly default: Expr | null; readonly kwOnly: boolean }[];
  /** Null where the source does not say. */
  readonly returns: Type | null;
}

/**
 * Lowers a function or method to a graph in SSA form, as PyTorch's importer does: defaults filled in, constants merged and at the front, nothing
 * unused. `self` is the type of the first parameter of a method. Throws TORCHSCRIPT_*.
 */
export function lowerFunction(unit: CodeUnit, found: Located<FunctionDef>, self?: Type): Graph {
  const { def, module } = found;
  const signature = unit.signature(found);
  const ctx = new Context(unit, module, def.name, signature.returns);
  signature.params.forEach((p, i) => {
    const value = ctx.graph.block.addInput(i === 0 && self ? self : p.type);
    ctx.name(value, p.name);
    ctx.frame.variables.set(p.name, value);
  });
  ctx.at = def.at;
  const body = withoutEarlyReturns(def.body);
  if (!body) throw ctx.unsupported(`${def.name} returns from within a loop`);
  emitStatements(ctx, body);
  const result = ctx.frame.find(RESULT);
  ctx.graph.block.addOutput(result instanceof Value ? result : ctx.constant(null, T.none));
  removeDeadCode(ctx.graph);
  poolConstants(ctx.graph);
  return ctx.graph;
}
