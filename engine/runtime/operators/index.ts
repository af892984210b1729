import { QuantbenchError } from '../../../kernels/errors.ts';
import { printType } from '../../ir/types.ts';
import { observeOperators } from '../../quantization/jit/observeOperator.ts';
import type { NodeInfo, Operator, OpContext } from '../operator.ts';
import { Args, describeValue, isTensor, type RuntimeValue } from '../value.ts';
import { activationOperators } from './activation.ts';
import { arithmeticOperators } from './arithmetic.ts';
import { assignmentOperators, copyOperators } from './assignment.ts';
import { attentionOperators } from './attention.ts';
import { castOperators } from './cast.ts';
import { comparisonOperators } from './comparison.ts';
import { containerOperators, mutatingContainerOperators } from './containers.ts';
import { complexOperators, runComplex } from './complex.ts';
import { convolutionOperators } from './convolution.ts';
import { creationOperators } from './creation.ts';
import { elementaryOperators } from './elementary.ts';
import { einsumOperators } from './einsum.ts';
import { fourierOperators } from './fourier.ts';
import { indexingOperators } from './indexing.ts';
import { joinOperators, shuffleOperators } from './join.ts';
import { linearOperators } from './linear.ts';
import { nestedOperators } from './nested.ts';
import { normalizationOperators } from './normalization.ts';
import { poolingOperators } from './pooling.ts';
import { effectOperators, primOperators } from './prim.ts';
import { quantizedOperators, quantizedOverloads } from './quantized.ts';
import { reductionOperators } from './reduction.ts';
import { resamplingOperators } from './resampling.ts';
import { fusedFloatOperators } from './fusedFloat.ts';
import { runsThroughFloat, runThroughFloat } from './quantizedThroughFloat.ts';
import { fillArguments, OperatorTable, type Overload } from './resolve.ts';
import { scalarOperators } from './scalar.ts';
import { distanceOperators } from './distance.ts';
import { recurrentOperators } from './recurrent.ts';
import { aliasOperators } from './aliases.ts';
import { countingOperators } from './counting.ts';
import { furtherOperators } from './further.ts';
import { packedSequenceOperators } from './packedSequences.ts';
import { statisticsOperators } from './statistics.ts';
import { volumeSamplingOperators } from './volumeSampling.ts';
import { fakeQuantizeOperators } from './fakeQuantize.ts';
import { linalgOperators } from './linalg.ts';
import { signalOperators } from './signal.ts';
import { specialOperators } from './special.ts';
import { lossOperators } from './losses.ts';
import { scanOperators } from './scans.ts';
import { resizeOperators } from './resize.ts';
import { samplingOperators } from './sampling.ts';
import { scatterOperators } from './scatter.ts';
import { sortingOperators } from './sorting.ts';
import { volumeOperators } from './volumes.ts';
import { copyingShapeOperators, inquiryOperators, shapeOperators } from './shape.ts';
import { textOperators } from './text.ts';

/** A new subject is one file and one line here. */
const SUBJECTS: readonly (readonly Operator[])[] = [
  primOperators, effectOperators, scalarOperators, textOperators, containerOperators, mutatingContainerOperators,
  shapeOperators, copyingShapeOperators, inquiryOperators, creationOperators, castOperators,
  arithmeticOperators, elementaryOperators, comparisonOperators, activationOperators,
  convolutionOperators, linearOperators, normalizationOperators, poolingOperators,
  attentionOperators, nestedOperators, einsumOperators, reductionOperators, indexingOperators, resamplingOperators,
  scatterOperators, sortingOperators, scanOperators, countingOperators, lossOperators, distanceOperators,
  recurrentOperators, resizeOperators, samplingOperators, volumeOperators, complexOperators, fourierOperators,
  joinOperators, shuffleOperators, assignmentOperators, copyOperators, quantizedOperators, observeOperators, fusedFloatOperators,
  linalgOperators, specialOperators, signalOperators, fakeQuantizeOperators, statisticsOperators, packedSequenceOperators, volumeSamplingOperators,
  furtherOperators,
];

/** Every operator there is. */
export const OPERATORS: readonly (readonly Operator[])[] = [...SUBJECTS, aliasOperators(SUBJECTS)];

const table = new OperatorTable(OPERATORS);

/** Kinds that the interpreter itself runs. */
const BUILT_IN = new Set(['prim::Constant', 'prim::GetAttr', 'prim::SetAttr', 'prim::If', 'prim::Loop', 'prim::CallMethod', 'prim::CallFunction']);

/** Whether a node of this kind can run at all, so that inspect can list those that cannot. */
export function isSupported(kind: string): boolean {
  return BUILT_IN.has(kind) || table.overloads(kind).length > 0;
}

/** All operators of a kind, for passes that ask whether one is pure. */
export function overloadsOf(kind: string): readonly Overload[] {
  return table.overloads(kind);
}

/** What a call of a node resolves to; the types of a node do not change, so it is found once. */
const resolved = new WeakMap<NodeInfo, Overload>();

/**
 * Runs an operator on values: finds the overload, fills in defaults.
 * @throws QuantbenchError OPERATOR_UNSUPPORTED for a kind or types that are not known, RUNTIME_QUANTIZED_UNSUPPORTED, and what the operator throws
 */
export function runOperator(ctx: OpContext, info: NodeInfo, values: readonly RuntimeValue[]): RuntimeValue | Promise<RuntimeValue> {
  let overload = resolved.get(info);
  if (!overload) {
    overload = table.resolve(info.kind, info.inputTypes, values);
    if (!overload) throw unsupported(info);
    resolved.set(info, overload);
  }
  const args = new Args(info.kind, fillArguments(overload.schema, values));
  const { operator } = overload;
  const result = runComplex(ctx, args, (a) => operator.run(ctx, a));
  if (result !== undefined) return result;
  if (quantizedFirst(args)) {
    const result = quantizedOverloads[info.kind]?.(ctx, args);
    if (result !== undefined) return result;
    if (runsThroughFloat(info.kind)) return runThroughFloat(ctx, args, (real) => operator.run(ctx, real));
    if (!takesQuantized.has(operator)) throw refusal(info.kind, args);
  }
  return overload.operator.run(ctx, args);
}

/** Operators that run on quantized tensors as they are: the quantized ones, views, questions about a tensor, and what never looks inside one. */
const takesQuantized = new Set<Operator>([
  quantizedOperators, shapeOperators, copyingShapeOperators, inquiryOperators, primOperators, effectOperators, scalarOperators,
  textOperators, containerOperators, mutatingContainerOperators,
].flat());

/** The first tensor argument, or the first of the first list of tensors, if it is quantized. */
function quantizedFirst(args: Args): boolean {
  for (const v of args.values) {
    const first = Array.isArray(v) ? v[0] : v;
    if (isTensor(first)) return first.meta.q !== undefined;
  }
  return false;
}

function refusal(kind: string, args: Args): QuantbenchError {
  const given = args.values.filter((v) => isTensor(v) || (Array.isArray(v) && v.some(isTensor))).map(describeValue).join(', ');
  return new QuantbenchError('RUNTIME_QUANTIZED_UNSUPPORTED', `${kind} does not run on quantized tensors, got ${given}`,
    'PyTorch refuses this op on quantized tensors too; imperative mode dequantizes around it.');
}

function unsupported(info: NodeInfo): QuantbenchError {
  const types = info.inputTypes.map(printType).join(', ');
  return isSupported(info.kind)
    ? new QuantbenchError('OPERATOR_UNSUPPORTED', `${info.kind} is not supported for (${types})`, 'Export the model with plain tensors of float32.')
    : new QuantbenchError('OPERATOR_UNSUPPORTED', `${info.kind}(${types}) is not supported`, 'Run inspect to see every unsupported operator of the model.');
}

