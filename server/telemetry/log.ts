/** JSON lines on standard error. An array of numbers is replaced by its length: no token ever reaches a log. */
import { type Logger, pino } from "pino";

const SHORT = 16;

export function createLog(
  level: string,
  destination: { write(line: string): void } = process.stderr,
): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }), log: (line) => withoutArrays(line) },
    },
    destination,
  );
}

function withoutArrays(line: Record<string, unknown>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(line)) safe[key] = shorten(value);
  return safe;
}

function shorten(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (Array.isArray(value)) {
    if (value.length > SHORT || typeof value[0] === "number") return `<${value.length} values>`;
    return value.map(shorten);
  }
  // Errors and the like have their own serializers.
  if (
    value !== null &&
    typeof value === "object" &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    return withoutArrays(value as Record<string, unknown>);
  }
  return value;
}
