/** Find in text, case ignored. Pure. */

/** Numbers of the lines that hold the query; none for an empty one. */
export function linesWith(lines: readonly string[], query: string): number[] {
  const wanted = query.toLowerCase();
  return wanted === '' ? [] : lines.flatMap((line, i) => (line.toLowerCase().includes(wanted) ? [i] : []));
}

/** A line in parts, hits apart from the rest. The parts put together are the line. */
export function splitMatches(line: string, query: string): { text: string; hit: boolean }[] {
  if (query === '') return [{ text: line, hit: false }];
  const [lower, wanted] = [line.toLowerCase(), query.toLowerCase()];
  const parts: { text: string; hit: boolean }[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: line.slice(from, at), hit: false });
    parts.push({ text: line.slice(at, at + wanted.length), hit: true });
    from = at + wanted.length;
  }
  if (from < line.length) parts.push({ text: line.slice(from), hit: false });
  return parts;
}
