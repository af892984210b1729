/** Whether every word of the query occurs in the text, in any order and case. Pure. */
export function matches(text: string, query: string): boolean {
  const lower = text.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => lower.includes(word));
}
