/** The four modes as they are always shown: order, words, precision. */
import type { ModeId } from '../../main/contract/api.ts';

export interface ModeView { id: ModeId; title: string; precision: 'fp32' | 'int8' }

export const MODES: readonly ModeView[] = [
  { id: 'fp32-eager', title: 'fp32 eager', precision: 'fp32' },
  { id: 'fp32-scripted', title: 'fp32 scripted', precision: 'fp32' },
  { id: 'int8-eager', title: 'int8 eager', precision: 'int8' },
  { id: 'int8-scripted', title: 'int8 scripted', precision: 'int8' },
];
