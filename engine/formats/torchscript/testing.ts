/** Helpers of the tests of this folder: archives made by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { QuantbenchError } from '../../../kernels/errors.ts';

/** A pickle written opcode by opcode. */
export class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];

  raw(...bytes: number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  text(s: string): this {
    const utf8 = [...new TextEncoder().encode(s)];
    return this.raw(0x58, utf8.length & 255, (utf8.length >> 8) & 255, 0, 0, ...utf8);
  }

  int(v: number): this { return this.raw(0x4a, v & 255, (v >> 8) & 255, (v >> 16) & 255, (v >> 24) & 255); }
  global(module: string, name: string): this { return this.raw(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`)); }
  mark(): this { return this.raw(0x28); }
  tuple(): this { return this.raw(0x74); }
  reduce(): this { return this.raw(0x52); }
  emptyTuple(): this { return this.raw(0x29); }

  /** `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())` over a record. */
  tensor(record: string, elements: number, offset: number, shape: readonly number[], strides: readonly number[], storage = 'FloatStorage'): this {
    this.global('torch._utils', '_rebuild_tensor_v2').mark();
    this.mark().text('storage').global('torch', storage).text(record).text('cpu').int(elements).tuple().raw(0x51).int(offset).mark();
    for (const d of shape) this.int(d);
    this.tuple().mark();
    for (const s of strides) this.int(s);
    return this.tuple().raw(0x89).global('collections', 'OrderedDict').emptyTuple().reduce().tuple().reduce();
  }

  /** An object of a class: its state is a dict of what `fill` writes, key and value in turn. */
  object(module: string, name: string, fill: (w: this) => void): this {
    this.global(module, name).emptyTuple().raw(0x81, 0x7d).mark();
    fill(this);
    return this.raw(0x75, 0x62);
  }

  done(): Uint8Array { return Uint8Array.from([...this.#bytes, 0x2e]); }
}

/** The source of a module class `M` with a forward of the given body. */
export function moduleSource(body: string, attributes = 'weight : Tensor', params = 'x: Tensor', returns = 'Tensor'): string {
  return `class M(Module):
  __parameters__ = ["weight", ]
  __buffers__ = []
${attributes.split('\n').map((l) => `  ${l}`).join('\n')}
  training : bool
  def forward(self: __torch__.M,
    ${params}) -> ${returns}:
${body.split('\n').map((l) => `    ${l}`).join('\n')}
`;
}

/** Members of a valid archive of a module `M` with one weight of four floats. */
export function archiveMembers(source: string): Record<string, Uint8Array> {
  const data = new PickleWriter().object('__torch__', 'M', (w) => w.text('weight').tensor('0', 4, 0, [2, 2], [2, 1]).text('training').raw(0x89)).done();
  return {
    'm/data.pkl': data,
    'm/data/0': new Uint8Array(Float32Array.from([1, 2, 3, 4]).buffer),
    'm/constants.pkl': new PickleWriter().emptyTuple().done(),
    'm/code/__torch__.py': new TextEncoder().encode(source),
    'm/version': new TextEncoder().encode('3\n'),
    'm/byteorder': new TextEncoder().encode('little'),
  };
}

/** A folder that is removed when the tests end. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'torchscript-'));
  #count = 0;

  file(bytes: Uint8Array, extension = 'pt'): string {
    const path = join(this.folder, `${this.#count++}.${extension}`);
    writeFileSync(path, bytes);
    return path;
  }

  archive(members: Record<string, Uint8Array>): string { return this.file(zipSync(members, { level: 0 })); }
  remove(): void { rmSync(this.folder, { recursive: true, force: true }); }
}

/** The code of the typed error that a promise fails with; any other failure is passed on. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (e) {
    if (e instanceof QuantbenchError) return e.code;
    throw e;
  }
  return 'none';
}
