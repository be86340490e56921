/** From what a Dynamo frontend says went wrong to one of our errors. */
import { PacelineError } from "../../server/contract/errors.ts";

/** `{"error": {"message", "type", "code"}}` of native routes, `{"message", "type", "code"}` of OpenAI's. */
export function errorFromReply(status: number, text: string): PacelineError {
  const message = messageOf(text);
  const details = { status, ...(message === null ? { excerpt: text.slice(0, 200) } : {}) };
  const said = `Dynamo: ${message ?? `status ${status}`}`;
  // 529: every worker is busy. 503: none may be used, such as when one died amid its reply.
  if (status === 529 || status === 429) {
    return new PacelineError("overloaded", said, { details, retryAfterMs: 1_000 });
  }
  if ((status === 400 || status === 422) && message !== null) {
    const long = /context length|maximum.*(tokens|length)|too long/i.test(message);
    return new PacelineError(long ? "prompt_too_long" : "invalid_argument", said, { details });
  }
  return new PacelineError("engine_error", said, { details });
}

/** An error inside a stream, which ends it. */
export const errorInStream = (error: unknown): PacelineError =>
  new PacelineError("engine_error", `Dynamo, amid its reply: ${textOf(error) ?? "an error"}`);

export const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `Dynamo broke its protocol: ${what}`);

function messageOf(text: string): string | null {
  try {
    return textOf(JSON.parse(text));
  } catch {
    return null;
  }
}

function textOf(body: unknown): string | null {
  if (typeof body === "string") return body.slice(0, 500);
  if (typeof body !== "object" || body === null) return null;
  const { message, error } = body as { message?: unknown; error?: unknown };
  if (typeof message === "string") return message.slice(0, 500);
  return error === undefined ? null : textOf(error);
}
