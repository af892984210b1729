import type { ReportInput } from './report.ts';
export function htmlReport(input: ReportInput): string { return `<!doctype html><title>${input.session.name.replace(/</g, '&lt;')}</title>`; }
