/** What a person has typed in a step and not yet used. It outlives walking to another page, and ends when another session is opened. */
import type { DataSpec, QConfigSpec, QuantizeMode } from '../../main/contract/api.ts';

export interface DataDraft { calibration: DataSpec; evaluation: DataSpec | null }
export interface QConfigDraft { spec: QConfigSpec; mode: QuantizeMode }
export interface CompareDraft { runs: number; batch: number; evaluate: number }

export class Drafts {
  data = $state<DataDraft | null>(null);
  qconfig = $state<QConfigDraft | null>(null);
  compare = $state<CompareDraft | null>(null);

  clear(): void {
    this.data = null;
    this.qconfig = null;
    this.compare = null;
  }
}
