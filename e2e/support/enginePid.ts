import { readFileSync } from 'node:fs';

/** The process id of the engine, a child of the server's process. Linux only. */
export function enginePid(serverPid: number): number {
  const children = readFileSync(`/proc/${serverPid}/task/${serverPid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-host'));
  if (!found) throw new Error(`The server ${serverPid} has no engine process among its children (${children.join(', ') || 'none'}).`);
  return Number(found);
}
