import type { Type } from '../../ir/types.ts';

/** A type as TorchScript source writes it: `List[int]`, `Optional[Tensor]`, `Tuple[Tensor, int]`. */
export function annotation(t: Type): string {
  switch (t.kind) {
    case 'Tensor': return 'Tensor';
    case 'None': return 'NoneType';
    case 'Scalar': return 'number';
    case 'List': return `List[${annotation(t.element)}]`;
    case 'Optional': return `Optional[${annotation(t.element)}]`;
    case 'Dict': return `Dict[${annotation(t.key)}, ${annotation(t.value)}]`;
    case 'Tuple': return t.name ?? `Tuple[${t.elements.length === 0 ? '()' : t.elements.map(annotation).join(', ')}]`;
    case 'Class': case 'Var': return t.name;
    default: return t.kind;
  }
}
