/**
 * Errors as SGLang's native routes answer them: `{"error": {"message", "type", "code"}}`, `code` being the status.
 * Ours stands beside them in `paceline`, which SGLang's clients do not read.
 */
import type { ErrorCode, PacelineError } from "../../../contract/errors.ts";
import type { DialectError } from "../dialect.ts";

/** Where SGLang answers another status than the table: bad input is 400, a full queue 503. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  unsupported: 400,
  prompt_too_long: 400,
  side_data_too_large: 400,
  weights_rejected: 400,
  overloaded: 503,
  quota_exceeded: 503,
};

/** `status`: of calls that have one for whatever goes wrong. */
export function sglangError(
  error: PacelineError,
  status = STATUS[error.code] ?? error.kind.http,
): DialectError {
  const type = status < 500 ? "BadRequestError" : "InternalServerError";
  const body = { message: error.message, type, code: status, paceline: error.toBody() };
  return { status, body: JSON.stringify({ error: body }) };
}
