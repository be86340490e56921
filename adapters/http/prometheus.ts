/** Numbers from `GET /metrics` (Prometheus text), looked up in place: it is some 90 KB, of which we want ten lines. */

/** The sum over all series of a metric; null where there are none. */
export function metricSum(text: string, name: string): number | null {
  let sum: number | null = null;
  for (const line of linesOf(text, name)) {
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (Number.isFinite(value)) sum = (sum ?? 0) + value;
  }
  return sum;
}

/** The first series' value, as it is written; null where there is none. */
export function metricText(text: string, name: string): string | null {
  for (const line of linesOf(text, name)) return line.slice(line.lastIndexOf(" ") + 1);
  return null;
}

/** A label of the first series; null where there is none. */
export function metricLabel(text: string, name: string, label: string): string | null {
  for (const line of linesOf(text, name)) {
    const found = new RegExp(`[{,]${label}="([^"]*)"`).exec(line);
    if (found) return found[1] as string;
  }
  return null;
}

function* linesOf(text: string, name: string): Generator<string> {
  for (let at = text.indexOf(`\n${name}`); at !== -1; at = text.indexOf(`\n${name}`, at + 1)) {
    const after = text[at + 1 + name.length];
    if (after !== "{" && after !== " ") continue;
    const end = text.indexOf("\n", at + 1);
    yield text.slice(at + 1, end === -1 ? undefined : end).trimEnd();
  }
}
