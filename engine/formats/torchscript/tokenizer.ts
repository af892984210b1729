import { QuantbenchError } from '../../../kernels/errors.ts';

export type TokenKind = 'name' | 'number' | 'string' | 'op' | 'newline' | 'indent' | 'dedent' | 'end';
/** `text` of a string is its value; of a number, its digits as written. */
export interface Token { readonly kind: TokenKind; readonly text: string; readonly at: number }

/** An error in TorchScript source, with its line and column (from 1 and 0, as Python counts). */
export function syntaxError(file: string, source: string, at: number, what: string): QuantbenchError {
  const { line, column } = lineAt(source, at);
  return new QuantbenchError('TORCHSCRIPT_SYNTAX', `${file}:${line}:${column}: ${what}`,
    'The archive\'s code was not written by torch.jit.save, or is damaged: save the model again.', { file, line, column });
}

/** Line (from 1) and column (from 0) of an offset, as Python counts. */
export function lineAt(source: string, at: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let next = source.indexOf('\n'); next >= 0 && next < at; next = source.indexOf('\n', start)) {
    line++;
    start = next + 1;
  }
  return { line, column: at - start };
}

/** Longest first. */
const OPERATOR = /\*\*=|\/\/=|>>=|<<=|\.\.\.|->|\*\*|\/\/|==|!=|<=|>=|<<|>>|[-+*/%@&|^]=|[-()[\]{},:.=+*/%@&|^~<>;]/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)j?/y;
const BLANK = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;

/** Sixty thousand statements in one file; the largest traces known have ten thousand. */
const MAX_TOKENS = 400_000;

/** Splits TorchScript source into tokens, with Python's indentation. Throws TORCHSCRIPT_SYNTAX, TORCHSCRIPT_TOO_LARGE. */
export function tokenize(source: string, file: string): Token[] {
  const tokens: Token[] = [];
  const indents = [0];
  let depth = 0;
  let at = 0;
  const push = (kind: TokenKind, text: string, where: number): void => {
    if (tokens.length >= MAX_TOKENS) {
      throw new QuantbenchError('TORCHSCRIPT_TOO_LARGE', `${file} has more than ${MAX_TOKENS} words`, 'No model needs as much code in one file: check that it is intact.');
    }
    tokens.push({ kind, text, at: where });
  };
  const sticky = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? null;
  };

  const indentation = (): void => {
    // Empty lines and comments do not count.
    for (let blank = sticky(BLANK); at < source.length && blank !== null && blank !== ''; blank = sticky(BLANK)) at += blank.length;
    if (at >= source.length) return;
    let width = 0;
    const start = at;
    for (; source[at] === ' ' || source[at] === '\t'; at++) width += source[at] === '\t' ? 8 - (width % 8) : 1;
    if (width > indents.at(-1)!) {
      if (indents.length > 100) throw syntaxError(file, source, start, 'blocks nest deeper than 100');
      indents.push(width);
      push('indent', '', start);
    }
    while (width < indents.at(-1)!) {
      indents.pop();
      push('dedent', '', at);
    }
    if (width !== indents.at(-1)) throw syntaxError(file, source, at, 'the indentation fits no block');
  };

  indentation();
  while (at < source.length) {
    const c = source[at]!;
    if (c === '\n') {
      at++;
      if (depth > 0) continue;
      push('newline', '\n', at - 1);
      indentation();
    } else if (c === ' ' || c === '\t' || c === '\r') at++;
    else if (c === '#') while (at < source.length && source[at] !== '\n') at++;
    else if (c === '\\' && source[at + 1] === '\n') at += 2;
    else if (c === '"' || c === "'") {
      const start = at;
      const { value, end } = readString(source, at, file);
      at = end;
      push('string', value, start);
    } else {
      const name = sticky(NAME);
      const number = name === null ? sticky(NUMBER) : null;
      const text = name ?? number ?? sticky(OPERATOR) ?? undefined;
      if (text === undefined) throw syntaxError(file, source, at, `unexpected character ${JSON.stringify(c)}`);
      if ('([{'.includes(text)) depth++;
      if (')]}'.includes(text)) depth = Math.max(0, depth - 1);
      push(name !== null ? 'name' : number !== null ? 'number' : 'op', text, at);
      at += text.length;
    }
  }
  push('newline', '\n', at);
  for (let i = indents.length; i > 1; i--) push('dedent', '', at);
  push('end', '', at);
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"', '\n': '' };

/** What needs no look within a string. */
const PLAIN = /[^\\'"\n]+/y;

/** A quoted string with Python's escapes; PyTorch writes other bytes as three octal digits, which together are UTF-8. */
function readString(source: string, start: number, file: string): { value: string; end: number } {
  const triple = source.startsWith('"""', start) || source.startsWith("'''", start);
  const quote = triple ? source.slice(start, start + 3) : source[start]!;
  const bytes: number[] = [];
  let value = '';
  const flush = (): void => {
    if (bytes.length > 0) value += Buffer.from(bytes).toString('utf8');
    bytes.length = 0;
  };
  let at = start + quote.length;
  for (;;) {
    if (at >= source.length || (!triple && source[at] === '\n')) throw syntaxError(file, source, start, 'a string has no end');
    if (source.startsWith(quote, at)) break;
    if (source[at] !== '\\') {
      flush();
      PLAIN.lastIndex = at;
      // A quote inside a triple-quoted string is plain too.
      const run = PLAIN.exec(source)?.[0] ?? source[at]!;
      value += run;
      at += run.length;
      continue;
    }
    const octal = /\\([0-7]{1,3})/y;
    octal.lastIndex = at;
    const hex = /\\x([0-9a-fA-F]{2})/y;
    hex.lastIndex = at;
    const code = octal.exec(source) ?? hex.exec(source);
    if (code) {
      bytes.push(parseInt(code[1]!, code[0].startsWith('\\x') ? 16 : 8) & 255);
      at += code[0].length;
      continue;
    }
    const escaped = ESCAPES[source[at + 1] ?? ''];
    if (escaped === undefined) throw syntaxError(file, source, at, 'an unknown escape in a string');
    flush();
    value += escaped;
    at += 2;
  }
  flush();
  return { value, end: at + quote.length };
}
