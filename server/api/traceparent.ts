/**
 * W3C trace context: `version-traceid-parentid-flags`. One that breaks the grammar, or names nothing, is
 * as if none had come (https://www.w3.org/TR/trace-context/, 3.2 and 4.3), so it is no error.
 */
const GRAMMAR = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** Longest that is passed on: version 00 has 55 characters, later ones may append. */
const LONGEST = 128;

export function traceparentOf(header: unknown): string | null {
  if (typeof header !== "string" || header.length > LONGEST || !GRAMMAR.test(header)) return null;
  return header.length === 55 || (header[55] === "-" && !header.startsWith("00")) ? header : null;
}
