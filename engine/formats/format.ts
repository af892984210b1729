import type { ModuleObject } from '../ir/module.ts';

/** An input of a model, as the file describes it. */
export interface InputDescription {
  readonly name: string;
  /** Null where a dimension is free; the whole null where the file says nothing. */
  readonly shape: readonly (number | null)[] | null;
  /** `float32`, `int64`; `int` for a number. */
  readonly dtype: string;
}

/** A model file that is open. Keep it open while its tensors may still be read. */
export interface OpenedModel {
  readonly path: string;
  /** The top module; its methods are lowered to graphs when first asked for, its tensors read when first used. */
  readonly module: ModuleObject;
  /** The format in words: `TorchScript (traced)`, `torch.export`. */
  readonly format: string;
  readonly fileBytes: number;
  readonly warnings: readonly string[];
  /** Inputs in the order in which forward takes them, where the file describes them; TorchScript does not. */
  readonly inputs?: readonly InputDescription[];
  close(): void;
}

/** A kind of model file. */
export interface ModelFormat {
  /** `TorchScript`, `torch.export`, `ONNX`. */
  readonly name: string;
  /** With the dot, small letters; the first is the usual one. */
  readonly extensions: readonly string[];
  /**
   * Whether the content is of this kind, whatever the file is called. `head` is its first bytes (up to HEAD_BYTES); a format that cannot tell from
   * them reads on by path. Never throws for a bad file: it says false.
   */
  matches(head: Uint8Array, path: string): boolean | Promise<boolean>;
  /** Opens the file. Throws the format's own codes. */
  open(path: string): Promise<OpenedModel>;
}

/** How much of a file `matches` is given. */
export const HEAD_BYTES = 4096;

/** Whether a file starts as a zip archive does. */
export function startsAsZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03 && head[3] === 0x04;
}
