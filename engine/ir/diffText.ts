/** Cells of a table of common lengths; larger gaps between lines that are found at once are taken as replaced. */
const MOST_CELLS = 1 << 24;
/** Lines that stay beside a change. */
const CONTEXT = 3;

/** A graph's line without the names of its values, which are numbered anew at each stage: what two stages are compared by. */
export const graphLineKey = (line: string): string => line.replace(/%[\w.]+/g, '%');

type Pair = readonly [left: number, right: number];

/**
 * Two texts as a unified diff, lines compared by a key: ` ` in both (as the second has it), `-` only in the first, `+` only in the second. Lines that occur
 * once on both sides are matched first (patience diff), the rest by longest common subsequences between them.
 * @returns '' where nothing differs
 */
export function diffText(from: string, to: string, names: readonly [string, string], key: (line: string) => string = (line) => line): string {
  const [a, b] = [from, to].map((text) => text.replace(/\n$/, '').split('\n')) as [string[], string[]];
  const [left, right] = [a.map(key), b.map(key)];
  const pairs = matches(left, right, 0, left.length, 0, right.length);
  const lines: { sign: ' ' | '-' | '+'; text: string; left: number; right: number }[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...pairs, [left.length, right.length] as const]) {
    for (; i < x; i++) lines.push({ sign: '-', text: a[i]!, left: i, right: j });
    for (; j < y; j++) lines.push({ sign: '+', text: b[j]!, left: i, right: j });
    if (i < left.length && j < right.length) lines.push({ sign: ' ', text: b[j]!, left: i++, right: j++ });
  }
  const shown = lines.map(() => false);
  lines.forEach((l, k) => { if (l.sign !== ' ') shown.fill(true, Math.max(0, k - CONTEXT), k + CONTEXT + 1); });
  if (!shown.includes(true)) return '';
  const out = [`--- ${names[0]}`, `+++ ${names[1]}`];
  for (let k = 0; k < lines.length; k++) {
    if (!shown[k]) continue;
    const end = shown.indexOf(false, k) < 0 ? lines.length : shown.indexOf(false, k);
    const hunk = lines.slice(k, end);
    const count = (sign: string): number => hunk.filter((l) => l.sign !== sign).length;
    out.push(`@@ -${hunk[0]!.left + 1},${count('+')} +${hunk[0]!.right + 1},${count('-')} @@`, ...hunk.map((l) => l.sign + l.text));
    k = end;
  }
  return `${out.join('\n')}\n`;
}

/** Matching lines of two stretches, in order. */
function matches(a: readonly string[], b: readonly string[], a0: number, a1: number, b0: number, b1: number): Pair[] {
  const head: Pair[] = [];
  const tail: Pair[] = [];
  while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) head.push([a0++, b0++]);
  while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) tail.push([--a1, --b1]);
  const middle: Pair[] = [];
  const anchors = a0 < a1 && b0 < b1 ? uniqueMatches(a, b, a0, a1, b0, b1) : [];
  if (anchors.length > 0) {
    let [i, j] = [a0, b0];
    for (const [x, y] of anchors) {
      middle.push(...matches(a, b, i, x, j, y), [x, y]);
      [i, j] = [x + 1, y + 1];
    }
    middle.push(...matches(a, b, i, a1, j, b1));
  } else if ((a1 - a0) * (b1 - b0) <= MOST_CELLS) {
    middle.push(...commonLines(a, b, a0, a1, b0, b1));
  }
  return [...head, ...middle, ...tail.reverse()];
}

/** Lines that occur once on each side, as many as keep their order. */
function uniqueMatches(a: readonly string[], b: readonly string[], a0: number, a1: number, b0: number, b1: number): Pair[] {
  const once = (list: readonly string[], from: number, to: number): Map<string, number> => {
    const places = new Map<string, number>();
    for (let i = from; i < to; i++) places.set(list[i]!, places.has(list[i]!) ? -1 : i);
    return places;
  };
  const right = once(b, b0, b1);
  const pairs: Pair[] = [...once(a, a0, a1)].flatMap(([line, i]) => { const j = right.get(line) ?? -1; return i >= 0 && j >= 0 ? [[i, j] as const] : []; });
  // Longest increasing run of right places: piles of cards, each card pointing back to the pile before.
  const piles: number[] = [];
  const before = new Array<number>(pairs.length).fill(-1);
  pairs.forEach(([, j], k) => {
    let [low, high] = [0, piles.length];
    while (low < high) {
      const mid = (low + high) >> 1;
      if (pairs[piles[mid]!]![1] < j) low = mid + 1;
      else high = mid;
    }
    if (low > 0) before[k] = piles[low - 1]!;
    piles[low] = k;
  });
  const out: Pair[] = [];
  for (let k = piles.at(-1) ?? -1; k >= 0; k = before[k]!) out.push(pairs[k]!);
  return out.reverse();
}

/** Longest common subsequence by its table of lengths. */
function commonLines(a: readonly string[], b: readonly string[], a0: number, a1: number, b0: number, b1: number): Pair[] {
  const [n, m] = [a1 - a0, b1 - b0];
  const length = new Uint32Array((n + 1) * (m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const at = i * (m + 1) + j;
      length[at] = a[a0 + i] === b[b0 + j] ? length[at + m + 2]! + 1 : Math.max(length[at + m + 1]!, length[at + 1]!);
    }
  }
  const out: Pair[] = [];
  for (let [i, j] = [0, 0]; i < n && j < m;) {
    if (a[a0 + i] === b[b0 + j]) out.push([a0 + i++, b0 + j++]);
    else if (length[(i + 1) * (m + 1) + j]! >= length[i * (m + 1) + j + 1]!) i++;
    else j++;
  }
  return out;
}
