import type { ReportInput } from './report.ts';

/** The report as one JSON document: the session's findings as they are, and what is needed to have them again. Times without a value are null. */
export function jsonReport({ session, files, commandLine, versions, generatedAt }: ReportInput): string {
  const document = {
    format: 'quantbench-report',
    version: 1,
    generatedAt: generatedAt.toISOString(),
    name: session.name,
    steps: session.steps,
    device: session.comparison?.device ?? null,
    model: session.model,
    data: session.data,
    qconfig: session.qconfig,
    mode: session.mode,
    calibration: session.calibration,
    conversion: session.conversion,
    comparison: session.comparison,
    reproduce: { commandLine: commandLine.split('\n'), versions, files },
  };
  return JSON.stringify(document, null, 2) + '\n';
}
