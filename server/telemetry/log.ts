/**
 * JSON lines on standard error. No output token ever reaches a log, on whatever way: arrays of numbers and typed
 * arrays are replaced by their length, in fields, errors' details, child loggers and format arguments;
 * and no bearer token does: secrets are blotted out in all of these and in messages.
 */
import { type Bindings, type ChildLoggerOptions, type Logger, pino } from "pino";
import { LIMITS } from "../limits.ts";

/** Fields that hold a secret whatever is in them. */
const SECRET_FIELD = /^(proxy-)?authorization$|^cookie$|token$|secret|password|private_?key/i;
/** Tokens of ours, and whatever follows the name of their scheme, inside a longer text. */
const SECRET_TEXT = /\bpl_[A-Za-z0-9_-]{20,}|(?<=\bBearer )[!-~]+/gi;
const BLOTTED = "<secret>";

/** Entries of an array of words that are worth a line. */
const SHORT = 16;
/** Deeper than any field of ours; also ends what refers to itself. */
const DEPTH = 6;
/** A stack fits; a base64 array does not. */
const TEXT = 4_096;

export interface StandardError {
  write(line: string): void;
  /** Resolves once all is written, or cannot be: nobody reads it any more, or not within `ms`. Nothing is written after it. */
  end(ms: number): Promise<void>;
}

/**
 * Standard error, written behind the caller's back: whoever reads a pipe of it slowly holds up no rollout. Lines
 * beyond `LIMITS.logBytes` unwritten are dropped and counted in one of the next; the rest is written at exit.
 */
export function standardError(): StandardError {
  const out = pino.destination({ fd: 2, sync: false, maxLength: LIMITS.logBytes });
  let dropped = 0;
  out.on("drop", () => {
    dropped++;
  });
  out.on("drain", () => {
    if (dropped === 0) return;
    const line = { level: "warn", time: Date.now(), pid: process.pid, dropped };
    dropped = 0;
    out.write(`${JSON.stringify({ ...line, msg: "log lines dropped: nobody reads them" })}\n`);
  });
  return {
    write: (line) => void out.write(line),
    end(ms) {
      return new Promise((resolve) => {
        const over = (): void => {
          clearTimeout(timer);
          // Else pino tries again at exit, for ever where nobody reads.
          out.destroy();
          resolve();
        };
        const timer = setTimeout(over, ms);
        out.once("error", over);
        out.once("close", over);
        out.end();
      });
    },
  };
}

export function createLog(level: string, destination: { write(line: string): void }): Logger {
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      formatters: {
        level: (label) => ({ level: label }),
        log: (line) => fields(line, 0),
      },
      // Errors are plain fields by the time that pino's own serializer would have its way with them.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod([first, ...rest], method) {
          const safe = rest.map((argument: unknown) => shorten(argument, 0));
          // Objects are made safe by the formatter above.
          const head: unknown = typeof first === "string" ? shorten(first, 0) : first;
          // pino takes an error's own message for one that is missing, as it is.
          if (safe.length === 0) safe.push(...messageOf(first));
          method.apply(this, [head, ...safe] as Parameters<typeof method>);
        },
      },
    },
    destination,
  );
  // pino runs no formatter over a child's bindings. Children inherit this through their prototype.
  const { child } = log;
  Object.defineProperty(log, "child", {
    value: function safeChild(this: Logger, bindings: Bindings, options?: ChildLoggerOptions) {
      return Reflect.apply(child, this, [fields(bindings, 0), options]);
    },
  });
  return log;
}

function fields(line: object, depth: number): Record<string, unknown> {
  if (Array.isArray(line) || ArrayBuffer.isView(line)) return { values: shorten(line, depth) };
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(line)) {
    const secret = typeof value === "string" && SECRET_FIELD.test(key);
    safe[key] = secret ? BLOTTED : shorten(value, depth + 1);
  }
  return safe;
}

function messageOf(logged: unknown): unknown[] {
  if (typeof logged !== "object" || logged === null) return [];
  const error: unknown = logged instanceof Error ? logged : Reflect.get(logged, "err");
  return error instanceof Error ? [shorten(error.message, 0)] : [];
}

const blotted = (text: string): string => text.replace(SECRET_TEXT, BLOTTED);

function shorten(value: unknown, depth: number): unknown {
  if (typeof value === "string") {
    return value.length > TEXT
      ? `${blotted(value.slice(0, TEXT))}<${value.length - TEXT} more characters>`
      : blotted(value);
  }
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH) return "<deeper>";
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (Array.isArray(value)) {
    const numbers = typeof value[0] === "number" || typeof value[0] === "bigint";
    if (value.length > SHORT || numbers) return `<${value.length} values>`;
    return value.map((entry) => shorten(entry, depth + 1));
  }
  if (value instanceof Map || value instanceof Set) return `<${value.size} entries>`;
  if (value instanceof Date) return value;
  if (value instanceof Error) return errorFields(value, depth);
  return fields(value, depth);
}

function errorFields(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    ...fields(error, depth),
    type: name,
    message: shorten(message, depth),
    stack: shorten(stack, depth),
    ...(cause === undefined ? {} : { cause: shorten(cause, depth + 1) }),
  };
}
