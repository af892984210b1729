/** Progress on stderr: one bar that is drawn over on a terminal, JSON lines otherwise. */
import type { StepProgress } from '../contract/api.ts';

const BAR_WIDTH = 28;
const LINES_EVERY_MS = 500;

export interface ProgressPrinter {
  show(progress: StepProgress): void;
  /** Ends the bar's line, so that what follows starts on its own. */
  end(): void;
}

export function progressPrinter(stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  return stream.isTTY ? bar(stream) : lines(stream);
}

function bar(stream: NodeJS.WriteStream): ProgressPrinter {
  let drawn = false;
  return {
    show(p) {
      const share = p.total > 0 ? Math.min(p.done / p.total, 1) : 0;
      const filled = Math.round(share * BAR_WIDTH);
      const left = p.remainingMs > 0 ? ` ${duration(p.remainingMs)} left` : '';
      const text = `${p.stage.padEnd(10)} [${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${p.done}/${p.total}${left}  ${p.message}`;
      stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 100) - 1)}`);
      drawn = true;
    },
    end() {
      if (drawn) stream.write('\n');
      drawn = false;
    },
  };
}

/** Observers' ranges are left out: they are in the session, and a line stays a line. */
function lines(stream: NodeJS.WriteStream): ProgressPrinter {
  let last: StepProgress | null = null;
  let shownAt = 0;
  const write = ({ calibration: _, ...p }: StepProgress): void => void stream.write(JSON.stringify({ progress: p }) + '\n');
  return {
    show(p) {
      const now = performance.now();
      const due = now - shownAt >= LINES_EVERY_MS || p.stage !== last?.stage || p.message !== last.message && p.done === 0;
      if (due) { write(p); shownAt = now; last = null; } else last = p;
      if (due) last = { ...p, done: -1 };
    },
    end() {
      if (last && last.done >= 0) write(last);
      last = null;
      shownAt = 0;
    },
  };
}

export function duration(ms: number): string {
  const s = Math.ceil(ms / 1000);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}
