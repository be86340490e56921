/** An error as the wire has it, and back in a client's hands. */
import { PacelineError } from "../../contract/errors.ts";
import { error as errorSchema } from "../../contract/schema-result.ts";
import { check } from "./invalid.ts";

/** `{"error": {…}}`: the body of every error reply, and the terminal record of a stream that broke. */
export const encodeError = (error: PacelineError): string =>
  JSON.stringify({ error: error.toBody() });

const SCHEMA = errorSchema();

/** For clients: the error inside `{"error": {…}}`. Throws `internal` when it is none of ours. */
export function decodeError(body: unknown): PacelineError {
  const inner = typeof body === "object" && body !== null && "error" in body ? body.error : body;
  let wire: ReturnType<typeof SCHEMA.parse>;
  try {
    wire = check(SCHEMA, inner);
  } catch (cause) {
    throw new PacelineError("internal", "the server's error is malformed", { cause });
  }
  return new PacelineError(wire.code, wire.message, {
    details: wire.details,
    ...(wire.retry_after_ms == null ? {} : { retryAfterMs: wire.retry_after_ms }),
    ...(wire.kept == null ? {} : { kept: wire.kept }),
  });
}
