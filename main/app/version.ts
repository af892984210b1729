import { readFileSync } from 'node:fs';

export interface Versions { quantbench: string; node: string; webgpu: string; platform: string }

let known: Versions | null = null;

/** What a report records so that its figures can be had again. */
export function versions(): Versions {
  known ??= {
    quantbench: packageVersion('../../package.json'),
    node: process.versions.node,
    webgpu: packageVersion('../../node_modules/webgpu/package.json'),
    platform: `${process.platform} ${process.arch}`,
  };
  return known;
}

function packageVersion(path: string): string {
  try {
    return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version?: string }).version ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
