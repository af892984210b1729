/** The stages of a graph, in the order in which they follow each other. */
import type { GraphStage } from '../../../main/contract/api.ts';

export const STAGES: readonly { id: GraphStage; title: string; why: string }[] = [
  { id: 'raw', title: 'raw', why: 'As the file holds it: methods call methods of submodules.' },
  { id: 'inlined', title: 'inlined', why: 'All methods put into one graph.' },
  { id: 'frozen', title: 'frozen', why: 'Weights are constants, constants are folded, batch norms are part of their convolutions.' },
  { id: 'prepared', title: 'prepared', why: 'With the observers that calibration fills.' },
  { id: 'converted', title: 'converted', why: 'Observers have become quantize and dequantize, ops between them quantized ones.' },
  { id: 'optimized', title: 'optimized', why: 'Fused and specialised to the shapes of the first runs: this is what runs.' },
];
