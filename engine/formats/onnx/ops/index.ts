import type { LowerOp } from '../opNode.ts';
import { activationOps } from './activations.ts';
import { controlOps } from './control.ts';
import { convolutionOps } from './convolution.ts';
import { creationOps } from './creation.ts';
import { elementwiseOps } from './elementwise.ts';
import { fourierOps } from './fourier.ts';
import { indexingOps } from './indexing.ts';
import { joinOps } from './join.ts';
import { linearOps } from './linear.ts';
import { localNormOps } from './localNorm.ts';
import { normalizationOps } from './normalization.ts';
import { poolingOps } from './pooling.ts';
import { qlinearOps } from './qlinear.ts';
import { quantizeOps } from './quantize.ts';
import { recurrentOps } from './recurrent.ts';
import { reductionOps } from './reduction.ts';
import { resampleOps } from './resample.ts';
import { samplingOps } from './sampling.ts';
import { shapeOps } from './shape.ts';

/** Every ONNX operator of the default domain that is known: one file a subject. */
const ALL: ReadonlyMap<string, LowerOp> = new Map(Object.entries({
  ...activationOps, ...controlOps, ...convolutionOps, ...creationOps, ...elementwiseOps, ...indexingOps, ...joinOps, ...linearOps,
  ...localNormOps, ...normalizationOps,
  ...poolingOps, ...quantizeOps, ...recurrentOps, ...reductionOps, ...resampleOps, ...samplingOps, ...shapeOps, ...fourierOps,
}));

/** Operators of the domain com.microsoft. */
const CONTRIBUTED: ReadonlyMap<string, LowerOp> = new Map(Object.entries(qlinearOps));

/** How a node is lowered; undefined for an operator that is not known. */
export function lowerOpOf(domain: string, opType: string): LowerOp | undefined {
  if (domain === '' || domain === 'ai.onnx') return ALL.get(opType);
  if (domain !== 'com.microsoft') return undefined;
  // The contributed operators of ONNX Runtime that later became ONNX's own, with the same meaning.
  return /^(Gelu|QuantizeLinear|DequantizeLinear)$/.test(opType) ? ALL.get(opType) : CONTRIBUTED.get(opType);
}

/** For the tests: every operator that has an entry. */
export const KNOWN_OPS: readonly string[] = [...ALL.keys()];

/** Operators that only move or pick elements: a quantized tensor stays one. */
export const KEEPS_QUANTIZATION: ReadonlySet<string> = new Set([
  'MaxPool', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Slice', 'Identity', 'Dropout', 'DepthToSpace',
]);
