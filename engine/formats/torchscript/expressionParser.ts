import type { BinaryOp, Expr, KeywordArg } from './ast.ts';
import { syntaxError, type Token } from './tokenizer.ts';

/** Python's precedence, loosest first. Comparisons are handled with `in`, `is` and `not`. */
const LEVELS: readonly (readonly BinaryOp[])[] = [
  ['or'], ['and'], ['==', '!=', '<', '<=', '>', '>=', 'is', 'is not', 'in', 'not in'], ['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '//', '%', '@'],
];
const COMPARISON = 2;
const MAX_DEPTH = 200;
/** Depth of a finished tree: sums and attributes in a row nest to the left without the parser nesting. */
const MAX_TREE = 400;

/** Walks tokens; parses expressions. Statements are parsed by its subclass. */
export class ExpressionParser {
  protected readonly file: string;
  protected readonly source: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #within = false;

  constructor(tokens: readonly Token[], source: string, file: string) {
    this.#tokens = tokens;
    this.source = source;
    this.file = file;
  }

  protected get token(): Token { return this.#tokens[this.#next]!; }

  protected advance(): Token {
    const t = this.token;
    if (t.kind !== 'end') this.#next++;
    return t;
  }

  protected atKind(kind: Token['kind']): boolean { return this.token.kind === kind; }

  protected is(text: string): boolean {
    const t = this.token;
    return t.text === text && (t.kind === 'op' || t.kind === 'name');
  }

  protected accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#next++;
    return true;
  }

  protected expect(text: string): Token {
    if (!this.is(text)) throw this.bad(`${JSON.stringify(text)} was expected`);
    return this.advance();
  }

  protected expectKind(kind: Token['kind'], what: string): Token {
    if (this.token.kind !== kind) throw this.bad(`${what} was expected`);
    return this.advance();
  }

  protected bad(what: string, at = this.token.at): Error {
    const got = this.token.kind === 'end' ? 'the end of the file' : JSON.stringify(this.token.text);
    return syntaxError(this.file, this.source, at, `${what}, got ${got}`);
  }

  /** Guards against source that nests without end. */
  protected nested<R>(parse: () => R): R {
    if (++this.#depth > MAX_DEPTH) throw syntaxError(this.file, this.source, this.token.at, `expressions nest deeper than ${MAX_DEPTH}`);
    try {
      return parse();
    } finally {
      this.#depth--;
    }
  }

  /** An expression, or a tuple without parentheses: `a, b,`. */
  protected expressionList(): Expr {
    const first = this.expression();
    if (!this.is(',')) return first;
    const items = [first];
    while (this.accept(',')) {
      if (this.token.kind === 'newline' || this.is('=') || this.is(':') || this.is(')') || this.is(']') || this.is('in')) break;
      items.push(this.expression());
    }
    return { kind: 'tuple', at: first.at, items };
  }

  protected expression(): Expr {
    const first = this.#next;
    const outermost = !this.#within;
    this.#within = true;
    const value = this.#expression();
    if (outermost) {
      this.#within = false;
      // A tree is no deeper than it has tokens.
      if (this.#next - first > MAX_TREE && depthOf(value) > MAX_TREE) {
        throw syntaxError(this.file, this.source, value.at, `the tree of an expression is deeper than ${MAX_TREE}`);
      }
    }
    return value;
  }

  #expression(): Expr {
    return this.nested(() => {
      const value = this.#binary(0);
      if (!this.accept('if')) return value;
      const condition = this.#binary(0);
      this.expect('else');
      return { kind: 'ternary', at: value.at, condition, then: value, otherwise: this.expression() };
    });
  }

  /** A loop target: names and tuples, where `in` is not an operator. */
  protected target(): Expr {
    const items = [this.#postfix()];
    let tuple = false;
    while (this.accept(',')) {
      tuple = true;
      if (this.is('in')) break;
      items.push(this.#postfix());
    }
    return tuple ? { kind: 'tuple', at: items[0]!.at, items } : items[0]!;
  }

  #binary(level: number): Expr {
    const ops = LEVELS[level];
    if (!ops) return this.#unary();
    if (level === COMPARISON && this.is('not')) return this.#not();
    let left = this.#binary(level + 1);
    for (let op = this.#operator(ops); op !== undefined; op = this.#operator(ops)) {
      const right = level === COMPARISON && this.is('not') ? this.#not() : this.#binary(level + 1);
      left = { kind: 'binary', at: left.at, op, left, right };
    }
    return left;
  }

  #not(): Expr {
    const { at } = this.expect('not');
    const operand = this.nested(() => this.#binary(COMPARISON));
    return { kind: 'unary', at, op: 'not', operand };
  }

  #operator(ops: readonly BinaryOp[]): BinaryOp | undefined {
    if (ops.includes('is') && this.is('is')) {
      this.advance();
      return this.accept('not') ? 'is not' : 'is';
    }
    if (ops.includes('not in') && this.is('not')) {
      this.advance();
      this.expect('in');
      return 'not in';
    }
    const op = ops.find((o) => this.is(o));
    if (op !== undefined) this.advance();
    return op;
  }

  #unary(): Expr {
    const { at, text } = this.token;
    if (this.is('-') || this.is('+') || this.is('~')) {
      this.advance();
      const operand = this.nested(() => this.#unary());
      if (text === '-' && operand.kind === 'number') return { ...operand, at, value: -operand.value };
      return { kind: 'unary', at, op: text as '-' | '+' | '~', operand };
    }
    const base = this.#postfix();
    if (!this.accept('**')) return base;
    return { kind: 'binary', at: base.at, op: '**', left: base, right: this.nested(() => this.#unary()) };
  }

  #postfix(): Expr {
    let value = this.#atom();
    for (;;) {
      if (this.accept('.')) value = { kind: 'attr', at: value.at, object: value, name: this.expectKind('name', 'a name').text };
      else if (this.accept('(')) value = this.#call(value);
      else if (this.accept('[')) value = { kind: 'subscript', at: value.at, object: value, items: this.#subscripts() };
      else return value;
    }
  }

  #call(callee: Expr): Expr {
    const args: Expr[] = [];
    const kwargs: KeywordArg[] = [];
    while (!this.accept(')')) {
      if (args.length + kwargs.length > 0) {
        this.expect(',');
        if (this.accept(')')) break;
      }
      const value = this.expression();
      if (value.kind === 'name' && this.accept('=')) kwargs.push({ name: value.id, value: this.expression() });
      else if (kwargs.length > 0) throw this.bad('a positional argument after a keyword one');
      else args.push(value);
    }
    return { kind: 'call', at: callee.at, callee, args, kwargs };
  }

  #subscripts(): Expr[] {
    const items: Expr[] = [];
    while (!this.accept(']')) {
      if (items.length > 0) {
        this.expect(',');
        if (this.accept(']')) break;
      }
      items.push(this.#subscript());
    }
    if (items.length === 0) throw this.bad('a subscript');
    return items;
  }

  #subscript(): Expr {
    const { at } = this.token;
    const part = (): Expr | null => (this.is(':') || this.is(']') || this.is(',') ? null : this.expression());
    const start = part();
    if (!this.accept(':')) return start ?? (() => { throw this.bad('a subscript'); })();
    const end = part();
    return { kind: 'slice', at, start, end, step: this.accept(':') ? part() : null };
  }

  #atom(): Expr {
    const t = this.advance();
    switch (t.kind) {
      case 'name':
        if (t.text === 'None') return { kind: 'const', at: t.at, value: null };
        if (t.text === 'True' || t.text === 'False') return { kind: 'const', at: t.at, value: t.text === 'True' };
        return { kind: 'name', at: t.at, id: t.text };
      case 'number': return this.#number(t);
      case 'string': {
        let value = t.text;
        while (this.token.kind === 'string') value += this.advance().text;
        return { kind: 'string', at: t.at, value };
      }
      case 'op':
        if (t.text === '(') return this.#parenthesis(t.at);
        if (t.text === '[') return { kind: 'list', at: t.at, items: this.#items(']') };
        if (t.text === '{') return this.#dict(t.at);
        if (t.text === '...') return { kind: 'const', at: t.at, value: '...' };
        break;
      default: break;
    }
    throw syntaxError(this.file, this.source, t.at, `an expression was expected, got ${t.kind === 'end' || t.kind === 'newline' ? 'the end of the line' : JSON.stringify(t.text)}`);
  }

  #number(t: Token): Expr {
    if (t.text.endsWith('j')) throw syntaxError(this.file, this.source, t.at, 'complex numbers are not known here');
    return { kind: 'number', at: t.at, value: Number(t.text), float: !/^0[xX]/.test(t.text) && /[.eE]/.test(t.text) };
  }

  #parenthesis(at: number): Expr {
    if (this.accept(')')) return { kind: 'tuple', at, items: [] };
    const first = this.expression();
    if (this.accept(')')) return first;
    const items = [first];
    while (!this.accept(')')) {
      this.expect(',');
      if (this.accept(')')) break;
      items.push(this.expression());
    }
    return { kind: 'tuple', at, items };
  }

  #items(close: string): Expr[] {
    const items: Expr[] = [];
    while (!this.accept(close)) {
      if (items.length > 0) {
        this.expect(',');
        if (this.accept(close)) break;
      }
      items.push(this.expression());
    }
    return items;
  }

  #dict(at: number): Expr {
    const entries: [Expr, Expr][] = [];
    while (!this.accept('}')) {
      if (entries.length > 0) {
        this.expect(',');
        if (this.accept('}')) break;
      }
      const key = this.expression();
      this.expect(':');
      entries.push([key, this.expression()]);
    }
    return { kind: 'dict', at, entries };
  }
}

/** Levels of a tree, found without recursion. */
function depthOf(root: Expr): number {
  let deepest = 0;
  const open: { readonly part: object; readonly depth: number }[] = [{ part: root, depth: 1 }];
  for (let at = open.pop(); at; at = open.pop()) {
    deepest = Math.max(deepest, at.depth);
    for (const part of Object.values(at.part) as unknown[]) {
      // Lists of parts are no level of their own.
      if (typeof part === 'object' && part !== null) open.push({ part, depth: at.depth + (Array.isArray(part) ? 0 : 1) });
    }
  }
  return deepest;
}
