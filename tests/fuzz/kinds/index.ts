import type { FuzzKind } from '../kind.ts';
import { imageKind } from './image.ts';
import { npyKind } from './npy.ts';
import { onnxKind } from './onnx.ts';
import { pickleKind } from './pickle.ts';
import { pt2Kind } from './pt2.ts';
import { programKind } from './program.ts';
import { sessionKind } from './session.ts';
import { torchScriptKind } from './torchscript.ts';
import { zipKind } from './zip.ts';

const ALL: readonly FuzzKind[] = [zipKind, pickleKind, torchScriptKind, programKind, pt2Kind, onnxKind, npyKind, imageKind, sessionKind];
/** Every kind of input, one file each. */
export const KINDS: ReadonlyMap<string, FuzzKind> = new Map(ALL.map((k) => [k.name, k]));
