import type { Random } from './random.ts';

/** What an input is on disk: files by name, a string a symbolic link to that path. The first is what is opened. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

/** An input made by hand, and what it must give: a code, several that will do, or `ok`. */
export interface Hostile {
  readonly name: string;
  readonly expect: string | RegExp;
  /** A function where making it takes long, or memory. */
  readonly files: Files | (() => Files);
}

/** One kind of input: how it is made and how the product takes it. */
export interface FuzzKind {
  readonly name: string;
  /** The input of an index: it follows from the random stream alone. */
  make(r: Random): Files;
  readonly hostile: readonly Hostile[];
  /** Takes the input the whole way that the product would. A QuantbenchError is an answer; anything else that is thrown is a failure. */
  check(path: string): Promise<void>;
}
