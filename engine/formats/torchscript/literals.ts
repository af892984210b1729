import type { Constant } from '../../ir/constant.ts';
import type { Expr, SourceModule } from './ast.ts';
import { syntaxError } from './tokenizer.ts';

/** The value of an expression that is written out: numbers, strings, None, tuples, lists, dicts. Throws TORCHSCRIPT_SYNTAX for anything else. */
export function literalConstant(e: Expr, module: SourceModule): Constant {
  switch (e.kind) {
    case 'number': case 'string': return e.value;
    case 'const': if (e.value !== '...') return e.value; break;
    case 'list': case 'tuple': return e.items.map((i) => literalConstant(i, module));
    case 'dict': return new Map(e.entries.map(([k, v]) => [literalConstant(k, module), literalConstant(v, module)]));
    case 'name': if (e.id in NAMED_NUMBERS) return NAMED_NUMBERS[e.id]!; break;
    case 'unary': {
      const v = literalConstant(e.operand, module);
      if (e.op === '-' && typeof v === 'number') return -v;
      break;
    }
    // `annotate(List[int], [])` and `torch.device("cpu")`
    case 'call': {
      const last = e.args.at(-1);
      if (last && e.kwargs.length === 0) return literalConstant(last, module);
      break;
    }
    default: break;
  }
  throw syntaxError(module.file, module.source, e.at, 'a constant was expected');
}

/** Floats that TorchScript writes as names. */
export const NAMED_NUMBERS: Readonly<Record<string, number>> = { inf: Infinity, nan: NaN };
