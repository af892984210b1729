import type { BinaryOp, ClassDef, Expr, FunctionDef, Param, SourceModule, Stmt } from './ast.ts';
import { ExpressionParser } from './expressionParser.ts';
import { syntaxError, tokenize } from './tokenizer.ts';

/** Parses one source file of an archive; runs nothing. Throws TORCHSCRIPT_SYNTAX with line and column. */
export function parseSource(source: string, file: string): SourceModule {
  return new Parser(tokenize(source, file), source, file).module();
}

const AUGMENTED = new Set(['+=', '-=', '*=', '/=', '//=', '%=', '**=', '@=', '&=', '|=', '^=', '<<=', '>>=']);

class Parser extends ExpressionParser {
  module(): SourceModule {
    const definitions = new Map<string, FunctionDef | ClassDef>();
    while (this.token.kind !== 'end') {
      if (this.token.kind === 'newline') {
        this.advance();
        continue;
      }
      const d = this.is('class') ? this.#class() : this.is('def') ? this.#function() : null;
      if (!d) throw this.bad('a class or function was expected');
      if (definitions.has(d.name)) throw syntaxError(this.file, this.source, d.at, `${d.name} is defined twice`);
      definitions.set(d.name, d);
    }
    return { file: this.file, source: this.source, definitions };
  }

  #class(): ClassDef {
    const { at } = this.expect('class');
    const name = this.expectKind('name', 'a class name').text;
    let base = '';
    if (this.accept('(')) {
      if (!this.is(')')) base = this.expectKind('name', 'a base class').text;
      this.expect(')');
    }
    const attributes: { name: string; type: Expr; value: Expr | null }[] = [];
    const methods: FunctionDef[] = [];
    const members: [string, Expr][] = [];
    const lists: Record<string, string[]> = { __parameters__: [], __buffers__: [] };
    this.#block(() => {
      if (this.accept('pass')) this.#endOfLine();
      else if (this.is('def')) methods.push(this.#function());
      else this.#member(attributes, lists, members);
    });
    return { kind: 'class', at, name, base, attributes, parameters: lists.__parameters__!, buffers: lists.__buffers__!, methods, members };
  }

  /** `weight : Tensor`, `groups : Final[int] = 1`, `__parameters__ = ["weight", ]`, `__annotations__["0"] = T`. */
  #member(attributes: { name: string; type: Expr; value: Expr | null }[], lists: Record<string, string[]>,
    members: [string, Expr][]): void {
    const name = this.expectKind('name', 'an attribute').text;
    if (name === '__annotations__' && this.accept('[')) {
      const key = this.expectKind('string', 'an attribute name').text;
      this.expect(']');
      this.expect('=');
      attributes.push({ name: key, type: this.expression(), value: null });
    } else if (this.accept(':')) {
      const type = this.expression();
      attributes.push({ name, type, value: this.accept('=') ? this.expression() : null });
    } else {
      this.expect('=');
      const value = this.expression();
      if (value.kind === 'list' && name.startsWith('__')) lists[name] = value.items.flatMap((e) => (e.kind === 'string' ? [e.value] : []));
      else members.push([name, value]);
    }
    this.#endOfLine();
  }

  #function(): FunctionDef {
    const { at } = this.expect('def');
    const name = this.expectKind('name', 'a function name').text;
    this.expect('(');
    const params: Param[] = [];
    let kwOnly = false;
    let first = true;
    while (!this.accept(')')) {
      if (!first) {
        this.expect(',');
        if (this.accept(')')) break;
      }
      first = false;
      if (this.accept('*')) {
        kwOnly = true;
        continue;
      }
      const param = this.expectKind('name', 'a parameter').text;
      const type = this.accept(':') ? this.expression() : null;
      params.push({ name: param, type, default: this.accept('=') ? this.expression() : null, kwOnly });
    }
    const returns = this.accept('->') ? this.expression() : null;
    return { kind: 'def', at, name, params, returns, body: this.#body() };
  }

  #body(): Stmt[] {
    const out: Stmt[] = [];
    this.#block(() => { out.push(this.#statement()); });
    return out;
  }

  /** `:` and an indented block, or statements on the same line. */
  #block(one: () => void): void {
    this.expect(':');
    if (!this.atKind('newline')) {
      one();
      return;
    }
    this.advance();
    this.expectKind('indent', 'an indented block');
    while (!this.atKind('dedent')) {
      if (this.atKind('end')) throw this.bad('a statement was expected');
      if (this.atKind('newline')) this.advance();
      else one();
    }
    this.advance();
  }

  #statement(): Stmt {
    return this.nested((): Stmt => {
      const { at } = this.token;
      if (this.accept('if')) return this.#if(at);
      if (this.accept('with')) return this.#with(at);
      if (this.accept('while')) return { kind: 'while', at, test: this.expression(), body: this.#body() };
      if (this.accept('for')) {
        const target = this.target();
        this.expect('in');
        return { kind: 'for', at, target, iterable: this.expressionList(), body: this.#body() };
      }
      const s = this.#simple(at);
      this.#endOfLine();
      return s;
    });
  }

  #with(at: number): Stmt {
    const items: { context: Expr; target: Expr | null }[] = [];
    do items.push({ context: this.expression(), target: this.accept('as') ? this.target() : null });
    while (this.accept(','));
    return { kind: 'with', at, items, body: this.#body() };
  }

  #if(at: number): Stmt {
    const test = this.expression();
    const then = this.#body();
    let otherwise: Stmt[] = [];
    const next = this.token.at;
    if (this.accept('elif')) otherwise = [this.nested(() => this.#if(next))];
    else if (this.accept('else')) otherwise = this.#body();
    return { kind: 'if', at, test, then, otherwise };
  }

  #simple(at: number): Stmt {
    const ends = (): boolean => this.token.kind === 'newline' || this.is(';');
    for (const kind of ['pass', 'break', 'continue'] as const) if (this.accept(kind)) return { kind, at };
    if (this.accept('return')) return { kind: 'return', at, value: ends() ? null : this.expressionList() };
    if (this.accept('raise')) return { kind: 'raise', at, value: ends() ? null : this.expression() };
    if (this.accept('assert')) {
      const test = this.expression();
      return { kind: 'assert', at, test, message: this.accept(',') ? this.expression() : null };
    }
    const first = this.expressionList();
    if (this.accept(':')) {
      const type = this.expression();
      return { kind: 'assign', at, targets: [first], type, value: this.accept('=') ? this.expressionList() : null };
    }
    if (this.token.kind === 'op' && AUGMENTED.has(this.token.text)) {
      const op = this.advance().text.slice(0, -1) as BinaryOp;
      return { kind: 'augmented', at, target: first, op, value: this.expressionList() };
    }
    if (!this.is('=')) return { kind: 'expr', at, value: first };
    const targets = [first];
    let value = first;
    while (this.accept('=')) {
      value = this.expressionList();
      targets.push(value);
    }
    return { kind: 'assign', at, targets: targets.slice(0, -1), type: null, value };
  }

  #endOfLine(): void {
    if (this.accept(';') && this.token.kind !== 'newline') return;
    if (this.token.kind === 'newline') this.advance();
    else throw this.bad('the end of the line was expected');
  }
}
