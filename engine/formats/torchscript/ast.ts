/** The syntax tree of TorchScript source. `at` is an offset into the file's text. */
export type Expr =
  | { readonly kind: 'name'; readonly at: number; readonly id: string }
  | { readonly kind: 'number'; readonly at: number; readonly value: number; readonly float: boolean }
  | { readonly kind: 'string'; readonly at: number; readonly value: string }
  | { readonly kind: 'const'; readonly at: number; readonly value: null | boolean | '...' }
  | { readonly kind: 'attr'; readonly at: number; readonly object: Expr; readonly name: string }
  | { readonly kind: 'call'; readonly at: number; readonly callee: Expr; readonly args: readonly Expr[]; readonly kwargs: readonly KeywordArg[] }
  | { readonly kind: 'subscript'; readonly at: number; readonly object: Expr; readonly items: readonly Expr[] }
  | { readonly kind: 'slice'; readonly at: number; readonly start: Expr | null; readonly end: Expr | null; readonly step: Expr | null }
  | { readonly kind: 'list' | 'tuple'; readonly at: number; readonly items: readonly Expr[] }
  | { readonly kind: 'dict'; readonly at: number; readonly entries: readonly (readonly [Expr, Expr])[] }
  | { readonly kind: 'ternary'; readonly at: number; readonly condition: Expr; readonly then: Expr; readonly otherwise: Expr }
  | { readonly kind: 'unary'; readonly at: number; readonly op: '-' | '+' | '~' | 'not'; readonly operand: Expr }
  | { readonly kind: 'binary'; readonly at: number; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr };

export type BinaryOp =
  | '+' | '-' | '*' | '/' | '//' | '%' | '**' | '@' | '&' | '|' | '^' | '<<' | '>>'
  | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'is' | 'is not' | 'in' | 'not in' | 'and' | 'or';

export interface KeywordArg { readonly name: string; readonly value: Expr }

export type Stmt =
  | { readonly kind: 'assign'; readonly at: number; readonly targets: readonly Expr[]; readonly type: Expr | null; readonly value: Expr | null }
  | { readonly kind: 'augmented'; readonly at: number; readonly target: Expr; readonly op: BinaryOp; readonly value: Expr }
  | { readonly kind: 'expr'; readonly at: number; readonly value: Expr }
  | { readonly kind: 'return'; readonly at: number; readonly value: Expr | null }
  | { readonly kind: 'raise'; readonly at: number; readonly value: Expr | null }
  | { readonly kind: 'assert'; readonly at: number; readonly test: Expr; readonly message: Expr | null }
  | { readonly kind: 'pass' | 'break' | 'continue'; readonly at: number }
  | { readonly kind: 'if'; readonly at: number; readonly test: Expr; readonly then: readonly Stmt[]; readonly otherwise: readonly Stmt[] }
  /** `with a as x, b:`; `target` is null where nothing is named. */
  | { readonly kind: 'with'; readonly at: number; readonly items: readonly { readonly context: Expr; readonly target: Expr | null }[]; readonly body: readonly Stmt[] }
  | { readonly kind: 'while'; readonly at: number; readonly test: Expr; readonly body: readonly Stmt[] }
  | { readonly kind: 'for'; readonly at: number; readonly target: Expr; readonly iterable: Expr; readonly body: readonly Stmt[] };

export interface Param { readonly name: string; readonly type: Expr | null; readonly default: Expr | null; readonly kwOnly: boolean }

export interface FunctionDef {
  readonly kind: 'def';
  readonly at: number;
  readonly name: string;
  readonly params: readonly Param[];
  readonly returns: Expr | null;
  readonly body: readonly Stmt[];
}

/** A class: its base (`Module`, `NamedTuple`, `Enum`, `Interface`, '' for none), annotated attributes and methods. */
export interface ClassDef {
  readonly kind: 'class';
  readonly at: number;
  readonly name: string;
  readonly base: string;
  /** `weight : Tensor`, `stride : Final[Tuple[int, int]] = (1, 1)`, `__annotations__["0"] = T`, in order. */
  readonly attributes: readonly { readonly name: string; readonly type: Expr; readonly value: Expr | null }[];
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  readonly methods: readonly FunctionDef[];
  /** What is assigned without a type: `NCHW = "NCHW"`, the members of an enum. */
  readonly members: readonly (readonly [name: string, value: Expr])[];
}

/** One source file of the archive. */
export interface SourceModule { readonly file: string; readonly source: string; readonly definitions: ReadonlyMap<string, FunctionDef | ClassDef> }
