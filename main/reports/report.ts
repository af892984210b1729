/** A session's report in any of its formats. */
import type { Versions } from '../app/version.ts';
import type { Session } from '../contract/api.ts';
import type { Fingerprints } from '../sessions/record.ts';
import { htmlReport } from './html.ts';
import { jsonReport } from './json.ts';

/** Everything that a report shows. Steps not done are null in the session; the report leaves them out and says so. */
export interface ReportInput {
  session: Session;
  files: Fingerprints;
  /** The lines that repeat the session. */
  commandLine: string;
  versions: Versions;
  generatedAt: Date;
}

/** One line a format. */
export const REPORT_FORMATS = { html: htmlReport, json: jsonReport } satisfies Record<string, (input: ReportInput) => string>;
export type ReportFormat = keyof typeof REPORT_FORMATS;

export function renderReport(format: ReportFormat, input: ReportInput): string {
  return REPORT_FORMATS[format](input);
}
