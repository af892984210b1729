import { quantizeHost } from '../../kernels/ops/qquantize.ts';
import type { HostTensor, QParams } from '../../kernels/tensor.ts';
import { TensorData } from '../ir/constant.ts';
import type { Observer } from './observers/index.ts';

/**
 * A weight in qint8 by what its observer says of it: torch.quantize_per_tensor, or quantize_per_channel along axis 0.
 * @param weight float, channels along dimension 0
 * @returns the weight with its qparams on the meta
 */
export function quantizeWeight(weight: HostTensor, observer: Observer): TensorData {
  observer.observe(weight);
  const { scale, zeroPoint } = observer.calculateQParams();
  const q: QParams = observer.args.qscheme.startsWith('per_channel')
    ? { scheme: 'per_channel_affine', scales: [...scale], zeroPoints: [...zeroPoint], axis: 0 }
    : { scheme: 'per_tensor_affine', scale: scale[0]!, zeroPoint: zeroPoint[0]! };
  return TensorData.of(quantizeHost(weight, observer.args.dtype, q));
}
